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
};

export type GateParams = { readonly [R in keyof typeof GATE_PARAMS]: z.output<(typeof GATE_PARAMS)[R]> };

/** The values where no layer sets any. */
export const DEFAULT_GATE_PARAMS: GateParams = {
  'gate.clock': GATE_PARAMS['gate.clock'].parse({}),
  'gate.weight': GATE_PARAMS['gate.weight'].parse({}),
};
