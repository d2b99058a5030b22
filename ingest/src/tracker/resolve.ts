import { z } from 'zod';
import type { RuleValues, TripParams } from './params.ts';
import type { Rule } from './rule.ts';
import { ALL_RULES } from './rules.ts';

/** Values as stored and sent: rule → parameter → value; what is absent comes from the layer below. */
export type ParamsInput = Record<string, unknown>;

export interface ParamsLayers {
  platform?: ParamsInput | undefined;
  company?: ParamsInput | undefined;
  route?: ParamsInput | undefined;
  /** Metres along the route. */
  legs?: readonly { fromM: number; toM: number; params?: ParamsInput | undefined }[] | undefined;
}

export interface ParamsProblem {
  /** e.g. `route.time.unapproved-stop.maxStopMin` or `legs.2.route.deviation` */
  path: string;
  message: string;
}

/** Parameters that cannot be used. `problems` is never empty. */
export class ParamsError extends Error {
  readonly problems: ParamsProblem[];

  constructor(problems: ParamsProblem[]) {
    super(problems.map((problem) => `${problem.path}: ${problem.message}`).join('; '));
    this.name = 'ParamsError';
    this.problems = problems;
  }
}

/** What is wrong with one layer's values; empty where nothing is. */
export function checkParams(input: unknown): ParamsProblem[] {
  return problemsIn(input, 'params').map(({ path, message }) => ({ path: path.replace(/^params\./, ''), message }));
}

function problemsIn(input: unknown, name: string): ParamsProblem[] {
  if (input === undefined) return [];
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return [{ path: name, message: `expected an object of rules, got ${JSON.stringify(input)}` }];
  }
  return Object.entries(input).flatMap(([ruleName, values]) => {
    const rule = ALL_RULES.find((known) => known.rule === ruleName);
    if (!rule) {
      return [{ path: `${name}.${ruleName}`, message: `no such rule; known are ${ruleNames()}` }];
    }
    const parsed = z.strictObject(rule.params.partial().shape).safeParse(values);
    if (parsed.success) return [];
    return parsed.error.issues.map((issue) => ({
      path: [name, ruleName, ...issue.path].join('.'),
      message: withValue(issue.message, values, issue.path),
    }));
  });
}

/** How long fixes are remembered cannot change on the way: which pairs there are would depend on the fixes between. */
function checkMemory(input: ParamsInput | undefined, name: string): ParamsProblem[] {
  const values = input?.['route.deviation'];
  if (typeof values !== 'object' || values === null || !('pairMostMs' in values)) return [];
  return [{ path: `${name}.route.deviation.pairMostMs`, message: 'expected on the whole route, not on one leg' }];
}

/**
 * The values that judge a trip: platform, over it the company's, the route's, the leg's.
 * @throws ParamsError naming every wrong parameter, its value and what was expected
 */
export function resolveParams(layers: ParamsLayers = {}): TripParams {
  const legs = layers.legs ?? [];
  const problems = [
    ...problemsIn(layers.platform, 'platform'),
    ...problemsIn(layers.company, 'company'),
    ...problemsIn(layers.route, 'route'),
    ...legs.flatMap((leg, index) => [
      ...problemsIn(leg.params, `legs.${index}`),
      ...checkMemory(leg.params, `legs.${index}`),
    ]),
  ];
  if (problems.length > 0) throw new ParamsError(problems);
  const below = [layers.platform, layers.company, layers.route];
  return {
    base: Object.fromEntries(ALL_RULES.map((rule) => [rule.rule, valuesOf(rule, below)])),
    legs: legs.flatMap((leg) => {
      const own = ALL_RULES.filter((rule) => leg.params && rule.rule in leg.params);
      if (own.length === 0) return [];
      const values = Object.fromEntries(own.map((rule) => [rule.rule, valuesOf(rule, [...below, leg.params])]));
      return [{ fromM: leg.fromM, toM: leg.toM, values }];
    }),
  };
}

function valuesOf(rule: Rule, layers: (ParamsInput | undefined)[]): RuleValues {
  return rule.params.parse(Object.assign({}, ...layers.map((layer) => layer?.[rule.rule] ?? {})));
}

function withValue(message: string, values: unknown, path: PropertyKey[]): string {
  let value = values;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  return value === undefined ? message : `${message} (got ${JSON.stringify(value)})`;
}

function ruleNames(): string {
  return ALL_RULES.map((rule) => rule.rule).join(', ');
}
