import { readFileSync } from 'node:fs';

/** The nodes of one RabbitMQ cluster, and how to sign in there. */
export interface AmqpSettings {
  /** e.g. `10.0.0.1:5672` */
  hosts: string[];
  tls: boolean;
  /** Certificates that alone may have signed that of RabbitMQ, PEM; absent: those that Node.js knows. */
  ca?: string;
  username: string;
  password: string;
  vhost: string;
}

const NOTHING_MORE = 'expected nothing after the virtual host but ?cacertfile=FILE';
const PORTS = { 'amqp:': '5672', 'amqps:': '5671' } as const;

/**
 * Reads AMQP_URL: the nodes of one cluster, divided by commas, with the same user and virtual host.
 * @returns the settings, or what is expected instead; neither repeats the password
 */
export function readAmqpUrls(text: string): AmqpSettings | string {
  const read = text.split(',').map((url) => readOne(url.trim()));
  const wrong = read.find((one) => typeof one === 'string');
  if (typeof wrong === 'string') return wrong;
  const [first, ...others] = read as AmqpSettings[];
  if (first === undefined) return 'expected amqp://user:password@host:port/vhost';
  const key = ({ hosts: _, ...rest }: AmqpSettings) => JSON.stringify(rest);
  if (others.some((other) => key(other) !== key(first))) {
    return 'expected nodes of one cluster: the same scheme, user, password and virtual host in each address';
  }
  return { ...first, hosts: [first, ...others].flatMap(({ hosts }) => hosts) };
}

function readOne(text: string): AmqpSettings | string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'amqp:' && url.protocol !== 'amqps:')) {
    return 'expected amqp://user:password@host:port/vhost, or amqps://; several nodes divided by commas';
  }
  if (url.hostname === '' || url.hostname.startsWith('[')) {
    return 'expected a host name or an IPv4 address in each address; give an IPv6 address a name';
  }
  const { username, password, pathname, protocol, search } = url;
  if (username === '' || password === '') return 'expected a user and a password in each address';
  const ca = readCa(search, protocol);
  if (typeof ca === 'string') return ca;
  if (url.hash !== '') return NOTHING_MORE;
  try {
    return {
      hosts: [`${url.hostname}:${url.port || PORTS[protocol]}`],
      tls: protocol === 'amqps:',
      ...ca,
      username: decodeURIComponent(username),
      password: decodeURIComponent(password),
      vhost: decodeURIComponent(pathname.slice(1)) || '/',
    };
  } catch {
    return 'expected a user, a password and a virtual host whose percent signs are escaped as %25';
  }
}

/** `?cacertfile=`, as RabbitMQ's own clients write it in addresses. @returns what is expected instead, where it is wrong */
function readCa(search: string, protocol: string): { ca?: string } | string {
  if (search === '') return {};
  const { cacertfile, ...others } = Object.fromEntries(new URLSearchParams(search));
  if (cacertfile === undefined || Object.keys(others).length > 0) return NOTHING_MORE;
  if (protocol !== 'amqps:') return 'expected amqps:// with ?cacertfile=: without TLS nobody shows a certificate';
  try {
    const ca = readFileSync(cacertfile, 'utf8');
    if (ca.includes('-----BEGIN CERTIFICATE-----')) return { ca };
    return `expected certificates as PEM in ${cacertfile}`;
  } catch (error) {
    return `expected a file that can be read at ?cacertfile=${cacertfile} (${(error as NodeJS.ErrnoException).code})`;
  }
}
