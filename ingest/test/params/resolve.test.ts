import { describe, expect, it } from 'vitest';
import { checkParams, gateParamsOf, ParamsError, resolveParams } from '../../src/params/resolve.ts';
import { paramsAt, RULES } from '../../src/tracker/index.ts';

const STOP = 'time.unapproved-stop';

describe('parameters of the rules', () => {
  it('every rule has a kind, a severity, texts in two languages, and defaults for all its parameters', () => {
    expect(new Set(RULES.map((rule) => rule.rule)).size).toBe(RULES.length);
    for (const rule of RULES) {
      expect(rule.text.zh).toMatch(/\p{Script=Han}/u);
      expect(rule.text.en).not.toBe('');
      expect(rule.params.safeParse({}).success).toBe(true);
    }
  });

  it('the table of the domain is covered, apart from what the gate judges', () => {
    const names = RULES.map((rule) => `${rule.rule} ${rule.kind} ${rule.severity} ${rule.eaeuCode ?? '-'}`);
    expect(names.sort()).toMatchInlineSnapshot(`
      [
        "comms.clock level minor 04",
        "comms.jamming latched major 07",
        "comms.late-batch edge info 04",
        "comms.no-fix level minor 04",
        "comms.second-connection latched major 07",
        "comms.sequence-gap edge minor 04",
        "comms.silent level major 06",
        "motion.impossible edge major 07",
        "pair.separation latched critical 07",
        "power.deep-sleep level major 05",
        "power.low level minor 05",
        "power.very-low level major 05",
        "route.deviation latched critical 03",
        "route.opposite-direction level major 03",
        "route.required-point-missed latched major 03",
        "route.restricted-area edge major 03",
        "route.wrong-destination latched critical -",
        "seal.case-opened latched critical 02",
        "seal.identity-mismatch latched critical 07",
        "seal.long-unlocked level minor 04",
        "seal.motor-stuck level major 04",
        "seal.opened-in-transit latched critical 07",
        "seal.reclosed latched critical 07",
        "seal.rope-cut latched critical 01",
        "seal.unauthorised-card edge minor 07",
        "seal.unlock-refused edge minor 07",
        "seal.unlocked-outside-place latched critical 07",
        "seal.unsealed-before-verification latched critical 07",
        "seal.wrong-password edge minor 07",
        "time.overdue level major -",
        "time.unaccounted edge minor -",
        "time.unapproved-stop level major -",
      ]
    `);
  });

  it('leg goes before route, route before company, company before platform, and a default is below all', () => {
    const params = resolveParams({
      platform: { [STOP]: { maxStopMin: 20, serviceAreaMaxMin: 60 } },
      company: { [STOP]: { maxStopMin: 25 } },
      route: { [STOP]: { maxStopMin: 30 } },
      legs: [{ fromM: 0, toM: 10_000, params: { [STOP]: { maxStopMin: 5 } } }],
    });
    expect(paramsAt(params, STOP, 5_000)).toEqual({ maxStopMin: 5, serviceAreaMaxMin: 60 });
    expect(paramsAt(params, STOP, 10_000)).toEqual({ maxStopMin: 30, serviceAreaMaxMin: 60 });
    expect(paramsAt(params, STOP)).toEqual({ maxStopMin: 30, serviceAreaMaxMin: 60 });
    expect(paramsAt(resolveParams(), STOP)).toEqual({ maxStopMin: 15, serviceAreaMaxMin: 120 });
  });

  it('names every wrong one, with its value and what was expected', () => {
    const wrong = {
      route: { [STOP]: { maxStopMin: -5, maxStopmin: 3 }, 'route.devation': {} },
      company: [] as unknown as Record<string, unknown>,
      legs: [{ fromM: 0, toM: 1, params: { 'power.low': { percent: 'many' } } }],
    };
    let thrown: unknown;
    try {
      resolveParams(wrong);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ParamsError);
    const problems = (thrown as ParamsError).problems.map(({ path, message }) => `${path}: ${message}`);
    expect(problems).toEqual([
      expect.stringContaining('company: expected an object of rules, got []'),
      expect.stringMatching(/^route\.time\.unapproved-stop\.maxStopMin: .*>0.*\(got -5\)/),
      expect.stringMatching(/^route\.time\.unapproved-stop: .*maxStopmin/),
      expect.stringMatching(/^route\.route\.devation: no such rule; known are .*route\.deviation/),
      expect.stringMatching(/^legs\.0\.power\.low\.percent: .*number.*\(got "many"\)/),
    ]);
  });

  it('a gate’s parameters are the platform’s and the company’s, and have no meaning on a route', () => {
    const tight = { 'gate.weight': { toleranceKg: 100 } };
    const company = { 'gate.weight': { toleranceShare: 0 } };
    expect(gateParamsOf({ platform: null, company: null })['gate.weight']).toEqual({
      toleranceShare: 0.05,
      toleranceKg: 1_000,
    });
    expect(gateParamsOf({ platform: tight, company })['gate.weight']).toEqual({ toleranceShare: 0, toleranceKg: 100 });
    expect(resolveParams({ platform: tight, company }).base['gate.weight']).toBeUndefined();
    expect(() => resolveParams({ route: tight })).toThrow(
      /^route\.gate\.weight: expected for the platform or a company/,
    );
    const legs = [{ fromM: 0, toM: 1, params: tight }];
    expect(() => resolveParams({ legs })).toThrow(/^legs\.0\.gate\.weight: expected for the platform/);
    expect(checkParams({ 'gate.weight': { toleranceShare: 1.5 } }).map(({ path }) => path)).toEqual([
      'gate.weight.toleranceShare',
    ]);
  });

  it('what no name of a rule is, is refused, also where every object has it', () => {
    for (const name of ['constructor', 'toString', '__proto__']) {
      const input = JSON.parse(`{ "${name}": {} }`);
      expect(checkParams(input)).toMatchObject([{ path: name, message: expect.stringContaining('no such rule') }]);
    }
  });
});
