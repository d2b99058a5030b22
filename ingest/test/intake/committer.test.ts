import fc from 'fast-check';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { Batch, type BatchState, type BatchSteps, Committer, IllegalTransition } from '../../src/intake/committer.ts';
import { JudgingError } from '../../src/intake/judging-error.ts';
import type { Publish } from '../../src/intake/lanes.ts';
import type { BatchOutcome } from '../../src/intake/outcome.ts';
import type { Written } from '../../src/intake/write.ts';

/** The arrows of the drawing in committer.ts. */
const ARROWS = new Set([
  'judging judged',
  'judging uncertain',
  'judged committing',
  'judged judging',
  'committing acknowledged',
  'committing uncertain',
  'uncertain judging',
  'uncertain waiting',
  'uncertain isolating',
  'uncertain given up',
  'waiting judging',
]);
/** A way to each state. */
const WAYS: Record<BatchState, BatchState[]> = {
  judging: [],
  judged: ['judged'],
  committing: ['judged', 'committing'],
  acknowledged: ['judged', 'committing', 'acknowledged'],
  uncertain: ['uncertain'],
  waiting: ['uncertain', 'waiting'],
  isolating: ['uncertain', 'isolating'],
  'given up': ['uncertain', 'given up'],
};
const STATES = Object.keys(WAYS) as BatchState[];

test.each(STATES)('from %s a batch goes along the drawn arrows only', (from) => {
  for (const to of STATES) {
    const batch = new Batch([]);
    for (const state of WAYS[from]) batch.enter(state);
    if (ARROWS.has(`${from} ${to}`)) batch.enter(to);
    else expect(() => batch.enter(to)).toThrow(IllegalTransition);
  }
});

/** What one try of a step does: `lost`: it commits, and its answer does not arrive. */
type Fate = 'ok' | 'judge-outage' | 'judge-fault' | 'outage' | 'fault' | 'outdated' | 'lost';

/** A store of publishes with its faults, in the place of Postgres. */
class FakeStore {
  readonly stored: number[] = [];
  readonly refused: number[] = [];
  readonly published: number[] = [];
  /** How often memory has changed; what was judged before a change must not be committed after it. */
  memory = 0;
  /** What memory expects to be stored: it is admitted as a duplicate. */
  readonly expected = new Set<number>();
  /** Broken promises, in words: thrown, they would be taken for faults of the store. */
  readonly wrong: string[] = [];
  readonly fates: Fate[];
  readonly poison: Set<number>;

  constructor(fates: readonly Fate[], poison: readonly number[]) {
    this.fates = [...fates];
    this.poison = new Set(poison);
  }
}

const idsOf = (publishes: readonly Publish[]) => publishes.map(({ receivedMs }) => receivedMs);
const judged = new WeakMap<
  BatchOutcome,
  { publishes: readonly Publish[]; fresh: readonly Publish[]; memory: number }
>();
const judgedOf = (outcome: BatchOutcome) => judged.get(outcome)!;

function stepsOf(store: FakeStore): BatchSteps {
  let committing = false;
  return {
    async judge(publishes) {
      await new Promise(setImmediate);
      const fate = store.fates[0];
      if (fate === 'judge-outage' || fate === 'judge-fault') {
        store.fates.shift();
        throw fate === 'judge-fault' ? new JudgingError('a rule failed') : new Error('the store is away');
      }
      const outcome = {} as BatchOutcome;
      const fresh = publishes.filter(({ receivedMs }) => !store.expected.has(receivedMs));
      judged.set(outcome, { publishes, fresh, memory: store.memory });
      return outcome;
    },
    expect(outcome) {
      if (judgedOf(outcome).memory !== store.memory) store.wrong.push('judged from a memory that was wrong');
      for (const id of idsOf(judgedOf(outcome).publishes)) store.expected.add(id);
      return outcome;
    },
    async commit(outcome) {
      if (committing) store.wrong.push('two commits at once');
      committing = true;
      await new Promise(setImmediate);
      committing = false;
      const { fresh } = judgedOf(outcome);
      const own = store.fates.shift() ?? 'ok';
      if (own === 'outage') throw new Error('the store is away');
      if (own === 'outdated') throw Object.assign(new Error('a lock has moved'), { code: 'SW002' });
      const isAtFault = fresh.some(({ receivedMs, refused }) => !refused && store.poison.has(receivedMs));
      if (own === 'fault' || isAtFault) throw Object.assign(new Error('bad data'), { code: '22000' });
      for (const { receivedMs, refused } of fresh) {
        const list = refused ? store.refused : store.stored;
        if (!list.includes(receivedMs)) list.push(receivedMs);
      }
      if (own === 'lost') throw new Error('Connection terminated');
      return { written: {} as Written, declined: [], moved: new Set() };
    },
    publish(outcome) {
      store.published.push(...idsOf(judgedOf(outcome).publishes));
    },
    acknowledge(publishes) {
      for (const publish of publishes) publish.done();
    },
    forget(publishes) {
      store.memory += 1;
      for (const id of idsOf(publishes)) store.expected.delete(id);
    },
  };
}

function committerOf(store: FakeStore, giveUp = new AbortController()): Committer {
  const deps = { pool: {} as Pool, log: pino({ level: 'silent' }), metrics: { retries: { inc() {} } } };
  return new Committer({ ...deps, giveUp: giveUp.signal }, stepsOf(store));
}

/** @param ended hears of each publish once it is acknowledged or refused */
const publishOf = (id: number, ended: (id: number, error?: Error) => void): Publish => ({
  lockId: 'JT70100001',
  raw: Buffer.alloc(0),
  receivedMs: id,
  done: (error) => ended(id, error),
  count: 1,
  backfilled: false,
});

describe('whatever fails, and however often', () => {
  const fate = fc.constantFrom<Fate>('ok', 'ok', 'judge-outage', 'judge-fault', 'outage', 'fault', 'outdated', 'lost');

  test('each publish is stored or in quarantine before it is acknowledged, once, and in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
        fc.array(fate, { maxLength: 3 }),
        fc.array(fc.nat(9), { maxLength: 1 }),
        async (sizes, fates, poison) => {
          const store = new FakeStore(fates, poison);
          const committer = committerOf(store);
          const acknowledged: number[] = [];
          let next = 0;
          for (const size of sizes) {
            const batch = Array.from({ length: size }, () =>
              publishOf(next++, (id, error) => {
                if (error) store.wrong.push(`${id}: ${error.message}`);
                if (![...store.stored, ...store.refused].includes(id)) store.wrong.push(`${id}: not stored`);
                if (!store.published.includes(id)) store.wrong.push(`${id}: not published`);
                acknowledged.push(id);
              }),
            );
            await committer.take(batch);
          }
          await committer.idle();
          const all = Array.from({ length: next }, (_, id) => id);
          expect(store.wrong).toEqual([]);
          expect(acknowledged).toEqual(all);
          expect([...store.stored, ...store.refused].sort((a, b) => a - b)).toEqual(all);
          for (const id of poison) if (id < next) expect(store.refused).toContain(id);
          expect([...store.expected].sort((a, b) => a - b)).toEqual(all);
          expect(committer.outage).toBeUndefined();
        },
      ),
      { numRuns: process.env.SEALWATCH_DEEP ? 300 : 12, endOnFailure: true },
    );
  });
});

test('a batch that cannot be committed while the platform stops is not acknowledged, and neither is the one after it', async () => {
  const giveUp = new AbortController();
  const store = new FakeStore(Array<Fate>(9).fill('outage'), []);
  const committer = committerOf(store, giveUp);
  const ended: [number, string | undefined][] = [];
  const take = (id: number) => committer.take([publishOf(id, (of, error) => ended.push([of, error?.message]))]);
  await take(1);
  giveUp.abort();
  await take(2);
  await committer.idle();
  const refusal = 'the platform stopped before the commit';
  expect(ended).toEqual([
    [1, refusal],
    [2, refusal],
  ]);
  expect(store.stored).toEqual([]);
});

test('a batch that is refused because another platform has taken over is neither acknowledged nor tried again', async () => {
  const store = new FakeStore([], []);
  let tries = 0;
  const steps: BatchSteps = {
    ...stepsOf(store),
    commit: async () => {
      tries += 1;
      throw Object.assign(new Error('member 1 is not the active one'), { code: 'SW001' });
    },
  };
  const deps = { pool: {} as Pool, log: pino({ level: 'silent' }), metrics: { retries: { inc() {} } } };
  const committer = new Committer({ ...deps, giveUp: new AbortController().signal }, steps);
  const ended: (Error | undefined)[] = [];
  for (const id of [1, 2]) await committer.take([publishOf(id, (_, error) => ended.push(error))]);
  await committer.idle();
  expect(ended).toEqual([expect.any(Error), expect.any(Error)]);
  expect(tries).toBe(2);
});

test('a batch whose locks have moved is judged again at once, as often as that happens, and none of it is taken for poison', async () => {
  const store = new FakeStore(Array<Fate>(5).fill('outdated'), []);
  let retries = 0;
  const deps = { pool: {} as Pool, log: pino({ level: 'silent' }), metrics: { retries: { inc: () => retries++ } } };
  const committer = new Committer({ ...deps, giveUp: new AbortController().signal }, stepsOf(store));
  const ended: (Error | undefined)[] = [];
  await committer.take([1, 2].map((id) => publishOf(id, (_, error) => ended.push(error))));
  await committer.idle();
  expect(ended).toEqual([undefined, undefined]);
  expect([store.stored, store.refused, store.wrong]).toEqual([[1, 2], [], []]);
  expect([committer.outage, retries]).toEqual([undefined, 0]);
});
