import { Report } from '@sealwatch/schemas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { step } from '../src/lock/firmware.ts';
import type { LockInput, LockOutput } from '../src/lock/input-output.ts';
import { accepted, credential, offered, refused } from '../src/lock/keyring.ts';
import type { LockState } from '../src/lock/state.ts';
import { newLock, rebooted, sealed, wantsReport } from '../src/lock/state.ts';

const START = Date.parse('2026-11-21T03:00:00.000Z');
const FIX = { lon: 120, lat: 29, source: 'gnss' } as const;

function hung(from: Partial<LockState> = {}): LockState {
  const seal = { rope: 'inserted', motor: 'unlocked', cover: 'closed', useCount: 7 } as const;
  return sealed(newLock('JT70100001', START, { seal, ...from }), START);
}

/** Steps a lock through time, ticking whenever a record is due, and collects what it says. */
function live(state: LockState, fromMs: number, toMs: number): { state: LockState; outputs: LockOutput[] } {
  const outputs: LockOutput[] = [];
  let lock = state;
  for (let now = fromMs; now <= toMs; now += 1_000) {
    if (!wantsReport(lock, now)) continue;
    const stepped = step(lock, now, { type: 'tick', sensed: { position: FIX } });
    lock = stepped.state;
    outputs.push(...stepped.outputs);
  }
  return { state: lock, outputs };
}

const flights = (outputs: readonly LockOutput[]) =>
  outputs.flatMap((output) => (output.type === 'publish' ? [output] : []));
const seqs = (outputs: readonly LockOutput[]) => flights(outputs).map(({ reports }) => reports.map(({ seq }) => seq));

describe('a lock’s firmware', () => {
  it('reports at the interval of its mode', () => {
    const made = (mode: LockState['mode'], minutes: number) =>
      live({ ...hung(), mode, awakeUntilMs: START + 600_000 }, START, START + minutes * 60_000 - 1).state.flash.length;
    expect(made('sealed', 10)).toBe(20);
    expect(made('awake', 10)).toBe(10);
    expect(made('sleep', 60)).toBe(2);
  });

  it('wakes for ten minutes and falls asleep again', () => {
    const asleep: LockState = { ...hung(), mode: 'sleep', nextReportMs: START + 1_800_000 };
    const woken = step(asleep, START + 1_000, { type: 'wake' }).state;
    const { state } = live(woken, START + 1_000, START + 3_600_000);
    const modes = state.flash.map(({ report }) => report.mode);
    expect(modes.filter((mode) => mode === 'awake')).toHaveLength(10);
    expect(state.mode).toBe('sleep');
  });

  it('after a dead zone sends the newest record first, then the blind-area records oldest first, 200 at most', () => {
    const dark = live(hung(), START, START + 3 * 3_600_000).state;
    expect(dark.flash.length).toBe(361);
    let { state, outputs } = step(dark, START, { type: 'connected' });
    expect(seqs(outputs)[0]).toEqual([360]);
    const sent: number[] = [];
    for (let turn = 0; turn < 10 && outputs.length > 0; turn++) {
      const answered = flights(outputs);
      outputs = [];
      for (const { flight, reports } of answered) {
        expect(reports.length).toBeLessThanOrEqual(200);
        expect(JSON.stringify(reports).length).toBeLessThanOrEqual(64 * 1024);
        sent.push(...reports.map(({ seq }) => seq));
        const next = step(state, START, { type: 'acknowledged', flight });
        state = next.state;
        outputs.push(...next.outputs);
      }
    }
    expect(sent).toEqual([360, ...Array.from({ length: 360 }, (_, i) => i)]);
    expect(state.flash).toHaveLength(0);
  });

  it('sends a record whose acknowledgement was lost again, byte for byte', () => {
    let { state, outputs } = step(hung(), START, { type: 'connected' });
    ({ state, outputs } = step(state, START, { type: 'tick', sensed: { position: FIX } }));
    const first = flights(outputs)[0]?.reports;
    state = step(state, START + 1_000, { type: 'disconnected' }).state;
    ({ outputs } = step(state, START + 9_000, { type: 'connected' }));
    expect(JSON.stringify(flights(outputs)[0]?.reports)).toBe(JSON.stringify(first));
  });

  it('takes a new boot number and begins at 0 when it restarts, and keeps its flash', () => {
    const before = live(hung({ boot: 0xffff_ffff }), START, START + 90_000).state;
    const after = rebooted(before, START + 91_000, 'watchdog');
    expect([after.boot, after.seq, after.flash.length]).toEqual([0, 0, before.flash.length]);
    const { state } = live(after, START + 91_000, START + 91_000);
    expect(state.flash.at(-1)?.report.events).toContainEqual({ type: 'restart', reason: 'watchdog' });
  });

  it('lets its sequence number wrap at 32 bits', () => {
    const { state } = live(hung({ seq: 0xffff_ffff }), START, START + 30_000);
    expect(state.flash.map(({ report }) => report.seq)).toEqual([0xffff_ffff, 0]);
  });

  it('overwrites its oldest record when 20,000 are waiting, and counts it', () => {
    const full = live(hung(), START, START + 30_000).state;
    const record = full.flash[0]!;
    const stuffed = { ...full, flash: Array.from({ length: 20_000 }, () => record) };
    const { state } = live(stuffed, START + 60_000, START + 60_000);
    expect([state.flash.length, state.overwritten]).toEqual([20_000, 1]);
    expect(state.flash.at(-1)?.report.seq).toBe(2);
  });

  it('tells the time of its own clock, offset and drift included', () => {
    const { state } = live(hung({ clockOffsetMs: 5_000, clockDriftPpm: 1_000 }), START, START + 30_000);
    expect(state.flash.map(({ report }) => Date.parse(report.time) - START)).toEqual([5_000, 35_030]);
  });

  it('reports no percentage while it is charging and sleeps for good below 5 %', () => {
    const charging = step(hung(), START, { type: 'charging', on: true }).state;
    expect(live(charging, START, START).state.flash.at(-1)?.report.battery).toEqual({ charging: true });
    const dying = live(hung({ batteryPercent: 6, percentPerHour: 2 }), START, START + 3_600_000).state;
    expect(dying.flash.at(-1)?.report.mode).toBe('deep-sleep');
    expect(wantsReport(dying, START + 100 * 3_600_000)).toBe(false);
  });

  it.each([
    ['interval', { rope: 'inserted' }, 'done'],
    ['seal', { rope: 'inserted' }, 'done'],
    ['seal', { rope: 'pulled' }, 'failed'],
    ['unlock', { rope: 'inserted' }, 'done'],
    ['locate', { rope: 'inserted' }, 'done'],
    ['reboot', { rope: 'inserted' }, 'done'],
  ] as const)('answers the command %s with rope %o: %s', (type, rope, result) => {
    const state = { ...hung(), seal: { ...hung().seal, ...rope } };
    const command = { v: 1, commandId: '5b0e2c8e-9d5c-4a55-8a2b-0d2f8a4ff001', type } as const;
    const { outputs } = step(state, START, { type: 'command', command });
    expect(outputs[0]).toMatchObject({ type: 'reply', reply: { commandId: command.commandId, result } });
  });

  it('refuses a command that has expired and an unlock outside its area', () => {
    const command = { v: 1, commandId: '5b0e2c8e-9d5c-4a55-8a2b-0d2f8a4ff001', type: 'unlock' } as const;
    const expiresAt = new Date(START - 1).toISOString();
    const expired = step(hung(), START, { type: 'command', command: { ...command, expiresAt } });
    const outside = step(hung({ refusesUnlock: true }), START, { type: 'command', command });
    expect(expired.outputs).toMatchObject([{ reply: { result: 'refused', reason: 'expired' } }]);
    expect(outside.outputs).toMatchObject([{ reply: { result: 'refused', reason: '99 outside-area' } }]);
    expect([expired.state.seal.motor, outside.state.seal.motor]).toEqual(['locked', 'locked']);
  });

  it('raises its use counter at each sealing', () => {
    expect(sealed(hung(), START).seal.useCount).toBe(9);
  });
});

type Move =
  | { do: 'tick' | 'connected' | 'disconnected' | 'reboot' | 'wake'; afterS: number }
  | { do: 'answer'; which: number };

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constantFrom(
        'tick' as const,
        'tick' as const,
        'connected' as const,
        'disconnected' as const,
        'reboot' as const,
        'wake' as const,
      ),
      afterS: fc.integer({ min: 0, max: 600 }),
    }),
    fc.record({ do: fc.constant('answer' as const), which: fc.nat(20) }),
  ),
  { maxLength: 120 },
);

describe('whatever happens to a lock', () => {
  it('every record made is acknowledged or still in flash, and one identity never has two bodies', () => {
    fc.assert(
      fc.property(moves, (list) => {
        let state = hung();
        let now = START;
        let made = 0;
        const airborne: { flight: number; ids: string[] }[] = [];
        const bodies = new Map<string, string>();
        const acknowledged = new Set<string>();
        const apply = (input: LockInput) => {
          const before = state.seq;
          const stepped = step(state, now, input);
          state = stepped.state;
          if (input.type === 'tick' && state.seq !== before) made += 1;
          for (const { flight, reports } of flights(stepped.outputs)) {
            const ids = reports.map((report) => {
              const id = `${report.boot}/${report.seq}`;
              const body = JSON.stringify(Report.parse(report));
              expect(bodies.get(id) ?? body).toBe(body);
              bodies.set(id, body);
              return id;
            });
            airborne.push({ flight, ids });
          }
        };
        for (const move of list) {
          if (move.do === 'answer') {
            const flight = airborne.splice(move.which % Math.max(1, airborne.length), 1)[0];
            if (!flight || !state.connected) continue;
            for (const id of flight.ids) acknowledged.add(id);
            apply({ type: 'acknowledged', flight: flight.flight });
            continue;
          }
          now += move.afterS * 1_000;
          // A new connection, a lost one and a restart all end what was on its way.
          if (move.do !== 'tick' && move.do !== 'wake') airborne.length = 0;
          if (move.do === 'tick') apply({ type: 'tick', sensed: {} });
          else if (move.do === 'reboot') state = rebooted(state, now, 'test');
          else apply({ type: move.do });
        }
        const inFlash = state.flash.map(({ report }) => `${report.boot}/${report.seq}`);
        expect(new Set([...inFlash, ...acknowledged]).size).toBe(made);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a new secret', () => {
  const command = { v: 1, commandId: '5b0e3a9e-6a5e-4c53-9c54-0d7f3b6d4f11', type: 'secret' } as const;
  const told = (more: object) => step(hung(), START, { type: 'command', command: { ...command, ...more } }).outputs;

  it('is stored before the lock replies, and signed in with after that; a command without one is refused', () => {
    expect(told({ secret: 'x'.repeat(32) }).map((output) => output.type)).toEqual(['secret', 'reply', 'sign-in']);
    expect(told({})).toMatchObject([{ type: 'reply', reply: { result: 'failed' } }]);
    const late = { secret: 'x'.repeat(32), expiresAt: new Date(START - 1_000).toISOString() };
    expect(told(late)).toMatchObject([{ type: 'reply', reply: { result: 'refused', reason: 'expired' } }]);
  });

  it('is tried first; the old one is kept until it was accepted, and used again where it is refused', () => {
    const keys = offered({ secret: 'old' }, 'new');
    expect(credential(keys)).toBe('new');
    expect(accepted(keys, 'new')).toEqual({ secret: 'new' });
    const left = refused(keys, 'new');
    expect(left && credential(left)).toBe('old');
    expect(left && accepted(left, 'old')).toEqual({ secret: 'old' });
    expect(left && refused(left, 'old')).toBeUndefined();
    expect(offered({ secret: 'same' }, 'same')).toEqual({ secret: 'same' });
  });
});
