import { describe, expect, test } from 'vitest';
import { addressFault, addressRule, isPublic, urlFault } from '../../src/webhooks/address.ts';
import { nextAttemptMs, WAITS_MS } from '../../src/webhooks/schedule.ts';

const NOT_PUBLIC = [
  ['loopback', '127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1'],
  ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '::ffff:10.0.0.1', 'fc00::1', 'fd12:3456::1'],
  ['link-local and cloud metadata', '169.254.169.254', '169.254.0.1', 'fe80::1', '::ffff:169.254.169.254'],
  ['shared by a carrier', '100.64.0.1'],
  ['unspecified', '0.0.0.0', '::', '0.1.2.3'],
  ['multicast and broadcast', '224.0.0.1', '255.255.255.255', 'ff02::1'],
  ['reserved, for documents and tests', '192.0.2.1', '198.18.0.1', '203.0.113.9', '240.0.0.1', '2001:db8::1'],
  ['tunnels to IPv4', '64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', '64:ff9b:1::1'],
  ['not given out', 'fec0::1', '4000::1', '100::1', '::7f00:1'],
] as const;

describe('which addresses are called', () => {
  test.each(NOT_PUBLIC.flatMap(([kind, ...list]) => list.map((address) => [address, kind] as const)))(
    '%s (%s) is not',
    (address) => {
      expect(isPublic(address)).toBe(false);
      expect(addressFault(addressRule([]), address, 'https:')).toContain('not a public address');
    },
  );
  test.each(['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])(
    '%s is',
    (address) => {
      expect(addressFault(addressRule([]), address, 'https:')).toBeUndefined();
    },
  );
  test('an allowed network is, also without TLS, and its neighbours are not', () => {
    const rule = addressRule(['10.20.0.0/16', 'fd00::/64']);
    expect(addressFault(rule, '10.20.3.4', 'http:')).toBeUndefined();
    expect(addressFault(rule, '::ffff:10.20.3.4', 'http:')).toBeUndefined();
    expect(addressFault(rule, 'fd00::7', 'http:')).toBeUndefined();
    expect(addressFault(rule, '10.21.0.1', 'http:')).toBeDefined();
    expect(addressFault(rule, '8.8.8.8', 'http:')).toContain('https only');
  });
  test('a setting that is no network is refused by name', () => {
    expect(() => addressRule(['10.0.0.0/8', 'localhost'])).toThrow(/"localhost"/);
  });
});

describe('a subscriber’s URL', () => {
  test.each([
    'not a url',
    'ftp://example.com/',
    'file:///etc/passwd',
    'https://user:pass@example.com/',
    'https://example.com/#part',
    'http://example.com/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://169.254.169.254/latest/meta-data/',
  ])('%s is refused', (url) => {
    expect(urlFault(addressRule([]), url)).toBeDefined();
  });
  test.each(['https://example.com/hook', 'https://example.com:8443/hook?a=1', 'https://1.1.1.1/'])(
    '%s is taken',
    (url) => {
      expect(urlFault(addressRule([]), url)).toBeUndefined();
    },
  );
});

test('the waits are those of the standard, up to a tenth longer, and end', () => {
  expect(WAITS_MS.map((ms) => ms / 1000)).toEqual([0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]);
  expect(nextAttemptMs(1, 1_000, 0)).toBe(6_000);
  expect(nextAttemptMs(1, 1_000, 0.999)).toBeLessThanOrEqual(6_500);
  expect(nextAttemptMs(9, 0, 0)).toBe(86_400_000);
  expect(nextAttemptMs(10, 0, 0)).toBeUndefined();
});
