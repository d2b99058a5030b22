import type { TripStatus } from '@sealwatch/schemas';
import { TripStatus as AllStatus } from '@sealwatch/schemas';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hangChecks, type StepFacts, sealChecks, unlockChecks, verifyChecks } from '../../src/custody/checks.ts';
import { isOneLookAlike } from '../../src/custody/look-alikes.ts';
import { compareCode, compareContainer, spellings } from '../../src/custody/reading.ts';
import { actingOffice, move, type TripAct } from '../../src/custody/status.ts';
import { failedChecks, freshSteps, stateByChecks, takeoverSteps, waive, withTransit } from '../../src/custody/steps.ts';

const NOW_MS = Date.parse('2026-11-21T03:00:00.000Z');
const SEAL = { rope: 'inserted', motor: 'locked', cover: 'closed' } as const;

function facts(lock: object = {}, more: Partial<StepFacts> = {}): StepFacts {
  return {
    nowMs: NOW_MS,
    units: [{ containerNo: 'MSKU9070323', lockId: 'JT70100001' }],
    plates: ['浙G12345'],
    locks: [
      {
        lockId: 'JT70100001',
        retired: false,
        lastTimeMs: NOW_MS - 10_000,
        seal: SEAL,
        battery: { percent: 80 },
        inPlace: true,
        intervalConfirmed: true,
        unlockConfirmed: false,
        unlockWaiting: false,
        ...lock,
      },
    ],
    latchedRules: [],
    latchedSince: [],
    verified: false,
    by: 'Li Wei',
    ...more,
  };
}

const failed = (checks: ReturnType<typeof hangChecks>) => failedChecks(checks).map((check) => check.check);

describe('the checks of each step', () => {
  test('all hold for a healthy lock in its place', () => {
    expect(failed(hangChecks(facts()))).toEqual([]);
    expect(failed(sealChecks(facts()))).toEqual([]);
    expect(failed(verifyChecks(facts()))).toEqual([]);
    expect(failed(unlockChecks(facts({}, { verified: true })))).toEqual([]);
  });

  test.each([
    ['retired', { retired: true }, ['registered'], []],
    ['never reported', { lastTimeMs: undefined }, ['healthy'], ['online']],
    ['battery at 19 %', { battery: { percent: 19 } }, ['battery'], ['battery']],
    ['charging', { battery: { charging: true } }, [], []],
    ['silent for 4 min', { lastTimeMs: NOW_MS - 240_000 }, [], ['online']],
    ['rope pulled', { seal: { ...SEAL, rope: 'pulled' } }, [], ['locked']],
    ['motor stuck', { seal: { ...SEAL, motor: 'stuck' } }, ['healthy'], ['locked']],
    ['elsewhere', { inPlace: false }, [], ['place']],
    ['interval not confirmed', { intervalConfirmed: false }, [], ['interval']],
  ])('%s', (_what, lock, atHang, atSeal) => {
    expect(failed(hangChecks(facts(lock)))).toEqual(atHang);
    expect(failed(sealChecks(facts(lock)))).toEqual(atSeal);
  });

  test('what was read is compared with what was declared, and no doubt is a match', () => {
    const read = { plate: '浙GI2345', containers: ['MSKU9O70323'], lockIds: ['JT70100002'] };
    expect(failed(sealChecks(facts({}, { read })))).toEqual(['number', 'container', 'plate']);
    const right = { plate: '浙G·12345', containers: ['msku 907032 3'], lockIds: ['JT70100001'] };
    expect(failed(sealChecks(facts({}, { read: right })))).toEqual([]);
  });

  test('a latched alarm fails the verification, and an unverified trip is not unlocked', () => {
    expect(failed(verifyChecks(facts({}, { latchedRules: ['route.deviation'] })))).toEqual(['alarms']);
    expect(failed(unlockChecks(facts({ inPlace: false })))).toEqual(['verified', 'place']);
  });

  test('a waiver has a name and a reason, and marks only what failed', () => {
    const checks = waive(
      sealChecks(facts({ intervalConfirmed: false })),
      [
        { check: 'interval', reason: 'radio shadow' },
        { check: 'plate', reason: 'x' },
      ],
      'Zhang',
    );
    expect(failedChecks(checks)).toEqual([]);
    expect(checks.filter((c) => c.waivedBy)).toEqual([
      expect.objectContaining({
        check: 'interval',
        waivedBy: 'Zhang',
        detail: expect.stringContaining('radio shadow'),
      }),
    ]);
    expect(stateByChecks(checks)).toBe('done');
  });
});

describe('the five steps', () => {
  test('are pending at first; a takeover waives hanging and sealing by name', () => {
    expect(freshSteps().map((s) => `${s.step} ${s.state}`)).toEqual([
      'hang pending',
      'seal pending',
      'transit pending',
      'verify pending',
      'unlock pending',
    ]);
    const steps = takeoverSteps({ sealedAt: '2026-11-21T01:00:00Z', departedAt: '2026-11-21T01:10:00Z' }, 'Li Wei');
    expect(steps.map((s) => s.state)).toEqual(['waived', 'waived', 'active', 'pending', 'pending']);
    expect(steps[1]?.checks.every((c) => c.waivedBy === 'Li Wei')).toBe(true);
  });

  test('transit follows the alarms of the trip', () => {
    const transit = (status: TripStatus, rules: string[]) => withTransit(freshSteps(), { status }, rules)[2];
    expect(transit('sealed', ['comms.silent'])).toMatchObject({ state: 'pending', checks: [] });
    expect(transit('in-transit', ['comms.silent'])).toMatchObject({ state: 'active' });
    expect(
      transit('arrived', ['seal.rope-cut'])
        ?.checks.filter((c) => !c.passed)
        .map((c) => c.check),
    ).toEqual(['not-opened']);
    expect(transit('arrived', ['seal.rope-cut'])?.state).toBe('failed');
    expect(transit('arrived', [])?.state).toBe('done');
  });
});

describe('the status of a trip', () => {
  const ACTS: TripAct[] = ['release', 'hang', 'seal', 'depart', 'arrive', 'verify', 'unlock', 'close', 'cancel'];

  test('goes the whole way by the acts in order', () => {
    const way: TripStatus[] = ['declared'];
    for (const act of ACTS.slice(0, 8)) way.push(move(way.at(-1)!, act)!);
    expect(way).toEqual([
      'declared',
      'released',
      'hung',
      'sealed',
      'in-transit',
      'arrived',
      'verified',
      'unlocked',
      'closed',
    ]);
  });

  test('is never unlocked without a verification, by any sequence of acts, and nothing follows the end', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...ACTS), { maxLength: 30 }), (acts) => {
        let status: TripStatus = 'declared';
        const path: TripStatus[] = [status];
        for (const act of acts) {
          const next = move(status, act);
          if (next === undefined) continue;
          expect(['closed', 'cancelled']).not.toContain(status);
          status = next;
          path.push(status);
        }
        if (path.includes('unlocked')) expect(path.indexOf('verified')).toBe(path.indexOf('unlocked') - 1);
        if (path.includes('in-transit')) expect(path).toContain('sealed');
      }),
    );
  });

  test('the origin acts until departure, the destination from then on', () => {
    const acting = AllStatus.options.map((status) =>
      actingOffice({ status, originOffice: 'O', destinationOffice: 'D' }),
    );
    expect(acting.join('')).toBe('OOOODDDDDD');
  });
});

describe('what was read', () => {
  test('is normalised in width, case and separators; O/0 and I/1 are doubts', () => {
    expect(compareCode('浙ｇ·１２３４５', '浙G12345')).toBe('same');
    expect(compareCode('浙GI2345', '浙G12345')).toBe('doubtful');
    expect(compareCode('浙G12346', '浙G12345')).toBe('different');
    expect(spellings('浙G1O')).toEqual(['浙G1O', '浙GIO', '浙GI0', '浙G10']);
    expect(spellings('1'.repeat(20))).toHaveLength(1);
  });

  test('letters of two scripts that look alike are a doubt, and are looked up in both', () => {
    expect(compareCode('A123BC77', 'А123ВС77')).toBe('doubtful');
    expect(compareCode('а 123 вс 77', 'А123ВС77')).toBe('same');
    expect(spellings('A123BC77')).toContain('А123ВС77');
    expect(spellings('А123ВС77')).toContain('A123BC77');
  });

  test('a container is compared without its size and type code', () => {
    for (const read of ['MSKU9070323 22G1', '22g1-msku9070323', 'MSKU 907032 3', 'MSKU 907032 [3] 45GP']) {
      expect(compareContainer(read, 'MSKU9070323')).toBe('same');
    }
    expect(compareContainer('MSKU9070324 22G1', 'MSKU9070323')).toBe('different');
  });

  test('one character that cameras misread is a misreading, two or another one are another plate', () => {
    expect(isOneLookAlike('鄂GB12D8', '粤GB12D8')).toBe(true);
    for (const read of ['浙G812D8', '浙GB1208', '浙ＧＢ12Q8']) expect(isOneLookAlike(read, '浙GB12D8')).toBe(true);
    for (const read of ['浙G81208', '浙GX77Y9', '浙GB12D9', '浙GB12D8', '浙GB12D', '']) {
      expect(isOneLookAlike(read, '浙GB12D8')).toBe(false);
    }
  });
});
