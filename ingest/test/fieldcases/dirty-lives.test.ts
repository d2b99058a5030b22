import fc from 'fast-check';
import { expect, test } from 'vitest';
import { admit, possibleDuplicates } from '../../src/intake/admit.ts';
import { judgeTimes, type KnownLock } from '../../src/intake/judge-times.ts';
import { reportKey, type TrackedReport } from '../../src/record/report.ts';
import type { IdentityConflict } from '../../src/tracker/index.ts';
import { at, Ledger, LOCK, onRoad, planOf, reporter, SHUT } from '../tracker/trip.ts';

/* Sources: TheThingsNetwork/lorawan-stack#3728; brocaar/chirpstack-network-server#38 and #133. */
const START = at('08:05');
const SEALS = [SHUT, SHUT, SHUT, { ...SHUT, rope: 'cut' }, { ...SHUT, cover: 'opened' }];

const STORY = fc.record({
  seals: fc.array(fc.constantFrom(...SEALS), { minLength: 12, maxLength: 30 }),
  /** The records before these are numbered anew from 1 on, in the same boot or in an older one. */
  restartsAt: fc.uniqueArray(fc.integer({ min: 2, max: 29 }), { maxLength: 3 }),
  boot: fc.constantFrom(1, 7),
  /** Of the records that are sent again at once, because their acknowledgement was lost. */
  again: fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }),
});

/** What the intake makes of one record after the other, with all it has stored in memory. */
function takeAll(
  sent: readonly TrackedReport[],
  numbered = true,
): {
  stored: TrackedReport[];
  conflicts: IdentityConflict[];
  refused: number;
} {
  const stored = new Map<string, TrackedReport>();
  const conflicts: IdentityConflict[] = [];
  let lock: KnownLock = { clock: {}, numbered, inServiceMs: START - 86_400_000, windows: [] };
  let refused = 0;
  for (const one of sent) {
    const publish = { lockId: LOCK, records: [{ ...one }], refusals: [], partial: [], raw: Buffer.alloc(0) };
    const times = judgeTimes([publish], () => lock);
    const highestOf = () => lock.highest;
    const known = possibleDuplicates([publish], highestOf).flatMap((identity) => stored.get(reportKey(identity)) ?? []);
    const admitted = admit([publish], highestOf, known, times);
    for (const record of admitted.accepted) stored.set(reportKey(record), record);
    conflicts.push(...admitted.conflicts);
    refused += admitted.refusals.length;
    lock = {
      ...lock,
      highest: admitted.highest.get(LOCK) ?? lock.highest,
      clock: admitted.clocks.get(LOCK) ?? lock.clock,
    };
  }
  return { stored: [...stored.values()], conflicts, refused };
}

test('a trip whose lock begins to count again has the seal alarms of the same trip counted through, and is named', () => {
  fc.assert(
    fc.property(STORY, ({ seals, restartsAt, boot, again }) => {
      const make = reporter();
      let seq = 0;
      const numbered = seals.map((seal, i) => {
        seq = restartsAt.includes(i) ? 1 : seq + 1;
        const extra = { seal: seal as typeof SHUT, boot, seq };
        return make(START + i * 30_000, onRoad(5 + i * 0.6), extra);
      });
      const through = numbered.map((record, i) => ({ ...record, boot: 1, seq: i + 1 }));
      const sent = numbered.flatMap((record, i) => (again[i] ? [record, record] : [record]));
      const { stored, conflicts, refused } = takeAll(sent);
      const restarts = restartsAt.filter((i) => i < seals.length).length;
      expect([stored.length, refused, conflicts.length]).toEqual([seals.length, 0, restarts]);
      const rules = (records: readonly TrackedReport[], identityConflicts: IdentityConflict[]) =>
        new Ledger(planOf({ identityConflicts }))
          .take(...records)
          .rules()
          .filter((rule) => rule.startsWith('seal.'));
      const named = restarts > 0 ? ['seal.identity-mismatch'] : [];
      expect(rules(stored, conflicts)).toEqual([...new Set([...rules(through, []), ...named])].sort());
    }),
  );
});

test('of a lock whose numbers are made of the content, another mode is the same record, and another reading no second device', () => {
  const make = reporter();
  const first = make(START, onRoad(5), { seal: SHUT, boot: START / 1_000, seq: 4_711 });
  const [polled, cut] = [
    { ...first, mode: 'awake' },
    { ...first, seal: { ...SHUT, rope: 'cut' } },
  ] as const;
  expect(takeAll([first, polled, first], false)).toEqual({ stored: [first], conflicts: [], refused: 0 });
  expect(takeAll([first, cut], false)).toEqual({ stored: [first], conflicts: [], refused: 1 });
  expect(takeAll([first, polled]).conflicts).toHaveLength(1);
  expect(takeAll([first, cut]).conflicts).toHaveLength(1);
});
