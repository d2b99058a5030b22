import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Networks that are allowed although they are not public, as CIDR, e.g. `10.20.0.0/16` or `::1/128`. */
export interface AddressRule {
  allowed: [Address, number][];
}

/** @throws TypeError naming the network that cannot be read */
export function addressRule(networks: readonly string[]): AddressRule {
  return {
    allowed: networks.map((network) => {
      if (!ipaddr.isValidCIDR(network)) {
        throw new TypeError(`"${network}" is no network: expected CIDR, e.g. 10.20.0.0/16`);
      }
      return ipaddr.parseCIDR(network);
    }),
  };
}

/** `::ffff:10.0.0.1` is 10.0.0.1. */
const plain = (text: string): Address => ipaddr.process(text);

export function isAllowed(rule: AddressRule, text: string): boolean {
  const address = plain(text);
  return rule.allowed.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}

/** The part of IPv6 that is given out to the Internet; tunnels into IPv4 inside it have ranges of their own. */
const GLOBAL_IPV6: [Address, number] = ipaddr.parseCIDR('2000::/3');

/** Reachable from anywhere, so that calling it tells nothing that its caller could not find out alone. */
export function isPublic(text: string): boolean {
  const address = plain(text);
  if (address.range() !== 'unicast') return false;
  return address.kind() === 'ipv4' || address.match(GLOBAL_IPV6);
}

/** Why an address is not called; undefined: it may be. Without TLS only what the settings allow by name is called. */
export function addressFault(rule: AddressRule, text: string, protocol: string): string | undefined {
  if (isAllowed(rule, text)) return undefined;
  if (!isPublic(text)) return `${text} is not a public address`;
  return protocol === 'https:' ? undefined : `${text} is public, and is called by https only`;
}

/** `[::1]` → `::1` */
export const bareHost = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/**
 * What is wrong with a subscriber's URL, as far as can be told without asking for its address.
 * @returns what was expected; undefined: nothing is wrong
 */
export function urlFault(rule: AddressRule, text: string): string | undefined {
  if (!URL.canParse(text)) return 'an absolute URL';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'an https URL';
  if (url.username !== '' || url.password !== '') return 'a URL without user and password';
  if (url.hash !== '') return 'a URL without a fragment';
  const host = bareHost(url);
  const fault = isIP(host) === 0 ? undefined : addressFault(rule, host, url.protocol);
  if (fault !== undefined) return `a public https address, or a network allowed by the settings; ${fault}`;
  if (url.protocol === 'http:' && rule.allowed.length === 0) return 'an https URL';
  return undefined;
}
