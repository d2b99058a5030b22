import type { GateRule } from './reasons.ts';

/** What a reason demands: a person's look (`manual`), or the inspection lane (`alarm`). */
export type Weight = 'manual' | 'alarm';
export interface Finding {
  rule: GateRule;
  weight: Weight;
  what: string;
  laneCode?: string;
}

export const found = (rule: GateRule, weight: Weight, what = '', laneCode?: string): Finding => ({
  rule,
  weight,
  what,
  ...(laneCode === undefined ? {} : { laneCode }),
});
