/** The values of one rule's parameters. */
export type RuleValues = Readonly<Record<string, unknown>>;

/** Parsed values of every rule, those of the route's legs laid over them; made by `resolveParams` only. */
export interface TripParams {
  readonly base: Readonly<Record<string, RuleValues>>;
  /** In the order given; the first that holds a place counts. Metres along the route. */
  readonly legs: readonly { fromM: number; toM: number; values: Readonly<Record<string, RuleValues>> }[];
  /** The rules whose parameters are the geofence's. */
  readonly geofenceRules: readonly string[];
}

const NONE: RuleValues = {};

/** A rule's values at a place along the route; without a place those of the whole route. */
export function paramsAt(params: TripParams, rule: string, progressM?: number): RuleValues {
  if (progressM !== undefined) {
    for (const leg of params.legs) {
      const values = progressM >= leg.fromM && progressM < leg.toM ? leg.values[rule] : undefined;
      if (values) return values;
    }
  }
  return params.base[rule] ?? NONE;
}
