// What decoding a publish of one plain report costs, and what it would cost field by field; the two take turns in
// one run. Prints microseconds of CPU per report: JSON.parse alone, the compiled reader, reading field by field.
import { reportOf } from './ingest/fleet.mjs';

const dist = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);
const { reportCodec } = await dist('record/codec.js');

const ROUNDS = Number(process.env.ROUNDS ?? 40);
const PER_ROUND = 5_000;
const LOCK = 'JT70100001';
const payloads = Array.from({ length: 1_000 }, (_, seq) => Buffer.from(reportOf(seq)));

const WAYS = {
  'JSON.parse': (value) => value,
  compiled: (value) => reportCodec.read(LOCK, value, 0),
  fields: (value) => reportCodec.readByField(LOCK, value, 0),
};
const spent = new Map(Object.keys(WAYS).map((name) => [name, []]));

for (let round = 0; round < ROUNDS; round++) {
  for (const [name, read] of Object.entries(WAYS)) {
    const before = process.cpuUsage();
    for (let i = 0; i < PER_ROUND; i++) read(JSON.parse(payloads[i % payloads.length].toString('utf8')));
    const { user, system } = process.cpuUsage(before);
    // The first rounds only warm up.
    if (round >= ROUNDS / 4) spent.get(name).push((user + system) / PER_ROUND);
  }
}

for (const [name, costs] of spent) {
  costs.sort((a, b) => a - b);
  console.log(`${name.padEnd(10)} ${costs[Math.floor(costs.length / 2)].toFixed(2)} µs a report (median)`);
}
