import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';

/**
 * Whether what a proxy says of its client is believed.
 * @param address of the proxy; undefined: unknown
 * @param hop 0 for who is connected to the platform, 1 for the one behind, …
 */
export type TrustProxy = (address: string | undefined, hop: number) => boolean;

const NAMED = new Map([
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
]);
const MOST_HOPS = 9;

/** What SEALWATCH_TRUST_PROXY may be. */
export const TRUST_PROXY_FORM =
  'expected how many proxies stand before the platform (1), or their addresses or networks divided by commas, e.g. 10.20.0.5,10.21.0.0/16 or loopback';

/** Reads SEALWATCH_TRUST_PROXY. @returns undefined: nobody is believed; `wrong`: it cannot be read */
export function readTrustProxy(text: string): TrustProxy | undefined | 'wrong' {
  const given = text.trim().toLowerCase();
  if (given === '0' || given === 'false') return undefined;
  const hops = given === 'true' ? 1 : Number(given);
  if (Number.isInteger(hops)) return hops >= 1 && hops <= MOST_HOPS ? (_address, hop) => hop < hops : 'wrong';
  const networks = given.split(',').flatMap((part) => NAMED.get(part.trim()) ?? [part.trim()]);
  const list = new BlockList();
  if (!networks.every((network) => addNetwork(list, network))) return 'wrong';
  return (address) => {
    const plain = (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
    return isIP(plain) !== 0 && list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  };
}

function addNetwork(list: BlockList, network: string): boolean {
  const [address = '', bits, more] = network.split('/');
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const most = family === 'ipv6' ? 128 : 32;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : -1;
  if (isIP(address) === 0 || more !== undefined || prefix < 0 || prefix > most) return false;
  list.addSubnet(address, prefix, family);
  return true;
}

type Request = Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string | undefined } };

const partsOf = (header: string | string[] | undefined): string[] =>
  [header ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** The address of the client of a request: the nearest one that is not a trusted proxy. */
export function clientAddress({ headers, socket }: Request, trusts: TrustProxy | undefined): string | undefined {
  let address = socket.remoteAddress;
  const behind = partsOf(headers['x-forwarded-for']).reverse();
  for (const [hop, next] of behind.entries()) {
    if (trusts?.(address, hop) !== true) break;
    address = next;
  }
  return address;
}

/** The host that the client of a request asked for. */
export function hostOf({ headers, socket }: Request, trusts: TrustProxy | undefined): string {
  const forwarded =
    trusts?.(socket.remoteAddress, 0) === true ? partsOf(headers['x-forwarded-host']).at(-1) : undefined;
  return forwarded ?? headers.host ?? '';
}
