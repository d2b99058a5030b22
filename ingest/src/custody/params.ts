import { z } from 'zod';

/** The parameters of the gate's reasons, with their defaults and bounds; set for the platform and for companies. */
export const GATE_PARAMS = {
  // By how much a gate's clock may differ from the platform's.
  'gate.clock': z.object({ toleranceMin: z.number().min(0).max(1_440).default(5) }),
  // The greater of the two is how far a weight may differ: a share of the declared weight, and kg.
  'gate.weight': z.object({
    toleranceShare: z.number().min(0).max(1).default(0.05),
    toleranceKg: z.number().min(0).max(100_000).default(1_000),
  }),
  // A seal state older than this is unknown. Sealed locks report every 30 s: after 10 min twenty reports are missing.
  'gate.seal': z.object({ freshMin: z.number().min(1).max(1_440).default(10) }),
  // Whether a trip that was taken over under way is released without a person; one of simulated locks alone has a value of its
  // own, so that test fleets pass. Switch that off where testers have keys and trucks are real.
  'gate.takeover': z.object({ release: z.boolean().default(false), releaseSimulated: z.boolean().default(true) }),
  // Beyond the time limit by this share of it the truck is inspected; by less, a person looks.
  'gate.overdue': z.object({ inspectShare: z.number().min(0).max(10).default(0.5) }),
};

type Rule = keyof typeof GATE_PARAMS;

export type GateParams = { readonly [R in Rule]: z.output<(typeof GATE_PARAMS)[R]> };

/** The gate's parameters, each read from what `setBy` gives for its rule; defaults where that has none. */
export function gateParams(setBy: (rule: string) => object): GateParams {
  const read = Object.entries(GATE_PARAMS).map(([rule, params]) => [rule, params.parse(setBy(rule))]);
  return Object.fromEntries(read) as GateParams;
}

/** The values where no layer sets any. */
export const DEFAULT_GATE_PARAMS: GateParams = gateParams(() => ({}));
