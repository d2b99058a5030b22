// Network namespaces for tests of partitions, each with an address on one bridge. Only inside a namespace of one's own, where
// nothing else is touched: unshare -n sh -c 'ip link set lo up && command…'
import { execFileSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';

const ip = (...args) => execFileSync('ip', args, { stdio: 'pipe' });
const SUBNET = '10.203.7';

/** Whether this process sees no network but its own loopback. */
export const isInOwnNetwork = () => Object.keys(networkInterfaces()).every((name) => name === 'lo');

/** @param count at most 200; this process reaches all of them, and each the others */
export function makeNetworkSpaces(count) {
  const names = Array.from({ length: count }, (_, i) => `sealwatch-${process.pid}-${i}`);
  const addresses = names.map((_, i) => `${SUBNET}.${i + 10}`);
  const inside = (i, ...args) => ip('netns', 'exec', names[i], 'ip', ...args);
  ip('link', 'add', 'sealwatch', 'type', 'bridge');
  ip('addr', 'add', `${SUBNET}.1/24`, 'dev', 'sealwatch');
  ip('link', 'set', 'sealwatch', 'up');
  for (const [i, name] of names.entries()) {
    ip('netns', 'add', name);
    ip('link', 'add', `sw${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('link', 'set', `sw${i}`, 'master', 'sealwatch', 'up');
    inside(i, 'addr', 'add', `${addresses[i]}/24`, 'dev', 'eth0');
    for (const device of ['lo', 'eth0']) inside(i, 'link', 'set', device, 'up');
  }
  const others = (i) => addresses.filter((_, at) => at !== i);
  return {
    addresses,
    /** What a command is preceded by, so that it runs there. */
    enter: (i) => ['ip', 'netns', 'exec', names[i]],
    /** Nothing goes between this one and the other ones any more; this process reaches all still. No connection is closed. */
    cut(i) {
      for (const other of others(i)) inside(i, 'route', 'add', 'blackhole', `${other}/32`);
    },
    heal(i) {
      for (const other of others(i)) inside(i, 'route', 'del', 'blackhole', `${other}/32`);
    },
    remove() {
      for (const name of names) ip('netns', 'del', name);
      ip('link', 'del', 'sealwatch');
    },
  };
}
