import type { WireProtocol } from '../wire/protocol.ts';
import type { TripScript } from './trip-script.ts';
import { type Expectation, verdictFor } from './truth.ts';

const DAY_MS = 86_400_000;

type Told = (expected: Expectation) => Expectation | undefined;
const untold: Told = () => undefined;
/** No lock of these has a word for it; the platform finds some by itself, others not. */
const OF_ALL: readonly [rule: string, told: Told][] = [
  // An event that only the simulated lock has. What the platform infers from numbers it cannot infer of these.
  ['comms.jamming', untold],
  // `mode` follows from the confirmed interval.
  ['power.deep-sleep', untold],
  // A record has no number that a clone could take: the clone shows by its connection, when it comes.
  [
    'seal.identity-mismatch',
    ({ span: { fromMs, toMs } }) => ({ rule: 'comms.second-connection', span: { fromMs, toMs: toMs + DAY_MS } }),
  ],
];
const OF_PROTOCOL: Record<WireProtocol, ReadonlyMap<string, Told>> = {
  jt808: new Map([
    ...OF_ALL,
    // One bit for the rope: it is out.
    ['seal.rope-cut', ({ span }) => ({ rule: 'seal.opened-in-transit', span })],
    // One bit for the motor: it is open.
    ['seal.motor-stuck', untold],
  ]),
  jointech: new Map(OF_ALL),
};

/** A clone's record is stored as one of the lock, since nothing in it says otherwise. */
const OF_CLONES = ['comms.second-connection'];
/** A rope that is out at the gate was out before the verification. */
const OF_PULLED = ['seal.unsealed-before-verification'];
const isPulled = (expected: readonly Expectation[]) => expected.some(({ rule }) => rule === 'seal.opened-in-transit');

/** The script as a protocol can tell it: what it has no words for is not expected. */
export function carriedBy(protocol: WireProtocol, script: TripScript): TripScript {
  const { truth, sendings } = script;
  const told = OF_PROTOCOL[protocol];
  const expected = truth.expected.flatMap((one) => {
    const other = told.get(one.rule);
    return other ? (other(one) ?? []) : [one];
  });
  const cloned = sendings.filter(({ how }) => how === 'cloned').length;
  const isOther = truth.expected.some(({ rule }) => told.has(rule));
  const verdict = isOther && truth.verdict !== 'unasked' ? verdictFor(expected) : truth.verdict;
  const tolerated = [...truth.tolerated, ...(cloned > 0 ? OF_CLONES : []), ...(isPulled(expected) ? OF_PULLED : [])];
  return { ...script, truth: { ...truth, expected, tolerated, verdict, quarantined: truth.quarantined - cloned } };
}
