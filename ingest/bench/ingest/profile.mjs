// Where a process spent its time, from V8's own CPU profile: its dearest functions by self time, and the parts they
// belong to.
import { readFileSync } from 'node:fs';

/** The parts of the way of a report, by the file a function stands in; the first that matches counts. */
const PARTS = [
  ['idle', /^\(idle\)$/],
  ['garbage collection', /^\(garbage collector\)$/],
  ['validation', /record\/|zod/],
  ['judging: geofence', /geofence\//],
  ['judging: tracker', /tracker\//],
  ['broker', /broker\/|aedes|mqtt-packet|readable-stream|fastparallel|fastseries|reusify|fastfall/],
  ['store', /store\/|node_modules\/pg/],
  ['intake', /intake\//],
  ['sockets and streams', /node:/],
];

function partOf(name) {
  return PARTS.find(([, pattern]) => pattern.test(name))?.[0] ?? 'other';
}

function nameOf({ functionName, url, lineNumber }) {
  const file = url.replace(/^.*\/(node_modules|dist)\//, (_, kind) => (kind === 'dist' ? '' : 'node_modules/'));
  const room = /\/(geofence|schemas)\/dist\//.exec(url)?.[1];
  return url === ''
    ? functionName || '(native)'
    : `${functionName || '(anonymous)'} ${room ? `${room}/` : ''}${file}:${lineNumber + 1}`;
}

/** @returns parts and functions with their share of the time that was not idle, dearest first */
export function summarise(path, top = 12) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8'));
  const names = new Map(nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  const self = new Map();
  for (const [i, id] of samples.entries()) {
    const name = names.get(id);
    self.set(name, (self.get(name) ?? 0) + timeDeltas[i]);
  }
  const idle = (self.get('(idle)') ?? 0) + (self.get('(program)') ?? 0);
  const busy = [...self.values()].reduce((sum, us) => sum + us, 0) - (self.get('(idle)') ?? 0);
  self.delete('(idle)');
  const parts = new Map();
  for (const [name, us] of self) parts.set(partOf(name), (parts.get(partOf(name)) ?? 0) + us);
  const ranked = (map) => [...map].sort(([, a], [, b]) => b - a).map(([name, us]) => [name, (100 * us) / busy]);
  return { idle, parts: ranked(parts), functions: ranked(self).slice(0, top) };
}

if (process.argv[1] === import.meta.filename) {
  const { parts, functions } = summarise(process.argv[2], Number(process.argv[3] ?? 25));
  for (const [name, share] of [...parts, ['--', 0], ...functions])
    console.log(`${share.toFixed(1).padStart(5)} %  ${name}`);
}
