import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deaths, FROZEN_AFTER_MS, QUIET_MS, type Seen } from '../../src/postgres/deaths.ts';

const LOOK_MS = 300;
const OLD_SERVER = 3_600_000;
const member = (seen: Partial<Seen> = {}): Seen => ({ memberId: 7, locked: true, beatAgeMs: 400, ...seen });

/** Looks one after the other, as a platform does whose connection lasts. */
function looks(deaths: Deaths, seen: readonly Seen[], { fromMs = 0, serverAgeMs = OLD_SERVER } = {}) {
  return seen.map((one, i) =>
    deaths.look([one], { nowMs: fromMs + i * LOOK_MS, serverAgeMs: serverAgeMs + i * LOOK_MS }),
  );
}

test('a process that has ended is dead at the second look that finds its lock free', () => {
  const free = member({ locked: false });
  expect(looks(new Deaths(), [member(), free, free])).toEqual([[], [], [{ memberId: 7, why: 'gone' }]]);
});

test('a member that takes its lock again in time lives', () => {
  const free = member({ locked: false });
  expect(looks(new Deaths(), [free, member(), free, member()]).flat()).toEqual([]);
});

test('a member that beats no longer is frozen, whether it holds its lock or not', () => {
  const old = member({ beatAgeMs: FROZEN_AFTER_MS + 1 });
  expect(looks(new Deaths(), [old])).toEqual([[{ memberId: 7, why: 'frozen' }]]);
  expect(looks(new Deaths(), [member({ beatAgeMs: FROZEN_AFTER_MS })])).toEqual([[]]);
});

test('who was suspended itself ends nobody: what it sees first is as old as its own sleep', () => {
  const deaths = new Deaths();
  const old = member({ beatAgeMs: 60_000, locked: false });
  looks(deaths, [member()]);
  expect(looks(deaths, [old, old, old], { fromMs: 60_000 }).flat()).toEqual([]);
  expect(deaths.look([old], { nowMs: 60_000 + QUIET_MS + 1, serverAgeMs: OLD_SERVER })).toEqual([]);
});

const arbitrarySeen = fc.record({
  memberId: fc.integer({ min: 1, max: 3 }),
  locked: fc.boolean(),
  beatAgeMs: fc.integer({ min: 0, max: 100_000 }),
});

test('after a restart of the server, or a lost connection, nobody is dead for five seconds', () => {
  fc.assert(
    fc.property(fc.array(arbitrarySeen, { maxLength: 40 }), fc.boolean(), (seen, restarted) => {
      const deaths = new Deaths();
      if (!restarted) deaths.disturbed(0);
      const within = seen.slice(0, Math.floor(QUIET_MS / LOOK_MS));
      const found = looks(deaths, within, { serverAgeMs: restarted ? 0 : OLD_SERVER });
      expect(found.flat()).toEqual([]);
    }),
  );
});

test('who holds its lock and beats is never dead', () => {
  const living = arbitrarySeen.map((seen) => ({ ...seen, locked: true, beatAgeMs: seen.beatAgeMs % FROZEN_AFTER_MS }));
  fc.assert(
    fc.property(fc.array(living), (seen) => {
      expect(looks(new Deaths(), seen).flat()).toEqual([]);
    }),
  );
});
