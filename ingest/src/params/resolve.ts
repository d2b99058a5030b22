import { z } from 'zod';
import { GATE_PARAMS, type GateParams, gateParams } from '../custody/params.ts';
import { RULES, type RuleDescription, type RuleValues, type TripParams } from '../tracker/index.ts';

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

/** Where values are set. A gate reads the platform's and the company's only. */
type Where = 'platform' | 'route' | 'leg';

interface Settable {
  params: z.ZodObject;
  routeWide?: readonly string[];
  ofGate?: true;
}

const SETTABLE: ReadonlyMap<string, Settable> = new Map([
  ...RULES.map((rule): [string, Settable] => [rule.rule, rule]),
  ...Object.entries(GATE_PARAMS).map(([rule, params]): [string, Settable] => [rule, { params, ofGate: true }]),
]);

/** Every parameter that can be set, for the documentation. */
export const PARAMETERS: readonly { rule: string; params: z.ZodObject }[] = [...SETTABLE].map(([rule, { params }]) => ({
  rule,
  params,
}));

/** What is wrong with the values of the platform or of a company; empty if nothing is. */
export function checkParams(input: unknown): ParamsProblem[] {
  return problemsIn(input, 'params', 'platform').map(({ path, message }) => ({
    path: path.replace(/^params\./, ''),
    message,
  }));
}

function problemsIn(input: unknown, name: string, where: Where): ParamsProblem[] {
  if (input === undefined) return [];
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return [{ path: name, message: `expected an object of rules, got ${JSON.stringify(input)}` }];
  }
  return Object.entries(input).flatMap(([rule, values]) => {
    const path = `${name}.${rule}`;
    const settable = SETTABLE.get(rule);
    if (!settable) return [{ path, message: `no such rule; known are ${[...SETTABLE.keys()].join(', ')}` }];
    if (settable.ofGate && where !== 'platform') {
      return [{ path, message: 'expected for the platform or a company, not for a route or one of its legs' }];
    }
    return [...problemsOf(settable.params, values, path), ...(where === 'leg' ? unvaried(settable, values, path) : [])];
  });
}

function problemsOf(params: z.ZodObject, values: unknown, path: string): ParamsProblem[] {
  const parsed = z.strictObject(params.partial().shape).safeParse(values);
  if (parsed.success) return [];
  return parsed.error.issues.map((issue) => ({
    path: [path, ...issue.path].join('.'),
    message: withValue(issue.message, values, issue.path),
  }));
}

function unvaried({ routeWide = [] }: Settable, values: unknown, path: string): ParamsProblem[] {
  if (typeof values !== 'object' || values === null) return [];
  return routeWide
    .filter((name) => Object.hasOwn(values, name))
    .map((name) => ({ path: `${path}.${name}`, message: 'expected on the whole route, not on one leg' }));
}

/**
 * The values that judge a trip: platform, over it the company's, the route's, the leg's.
 * @throws ParamsError naming every wrong parameter, its value and what was expected
 */
export function resolveParams(layers: ParamsLayers = {}): TripParams {
  const legs = layers.legs ?? [];
  const problems = [
    ...problemsIn(layers.platform, 'platform', 'platform'),
    ...problemsIn(layers.company, 'company', 'platform'),
    ...problemsIn(layers.route, 'route', 'route'),
    ...legs.flatMap((leg, index) => problemsIn(leg.params, `legs.${index}`, 'leg')),
  ];
  if (problems.length > 0) throw new ParamsError(problems);
  const below = [layers.platform, layers.company, layers.route];
  const valuesOfRule = ({ rule, params }: RuleDescription, of: (ParamsInput | undefined)[]): [string, RuleValues] => [
    rule,
    params.parse(merged(rule, of)),
  ];
  return {
    base: Object.fromEntries(RULES.map((rule) => valuesOfRule(rule, below))),
    legs: legs.flatMap((leg) => {
      const own = RULES.filter(({ rule }) => leg.params && Object.hasOwn(leg.params, rule));
      if (own.length === 0) return [];
      const values = Object.fromEntries(own.map((rule) => valuesOfRule(rule, [...below, leg.params])));
      return [{ fromM: leg.fromM, toM: leg.toM, values }];
    }),
    geofenceRules: RULES.filter(({ geofence }) => geofence).map(({ rule }) => rule),
  };
}

/** The values that a gate judges a trip by: the platform's, over them the company's. Null: nothing was set. */
export function gateParamsOf(layers: { platform: ParamsInput | null; company: ParamsInput | null }): GateParams {
  return gateParams((rule) => merged(rule, [layers.platform, layers.company]));
}

/** What the layers set for a rule, each over the one before it. */
const merged = (rule: string, layers: (ParamsInput | null | undefined)[]): object =>
  Object.assign({}, ...layers.map((layer) => new Map(Object.entries(layer ?? {})).get(rule) ?? {}));

function withValue(message: string, values: unknown, path: PropertyKey[]): string {
  let value = values;
  for (const key of path) value = new Map(Object.entries(value ?? {})).get(String(key));
  return value === undefined ? message : `${message} (got ${JSON.stringify(value)})`;
}
