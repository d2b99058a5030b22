import type { Rule, RuleDescription, TransitCheck } from './rule.ts';
import { commsClock } from './rules/comms-clock.ts';
import { commsJamming } from './rules/comms-jamming.ts';
import { commsLateBatch } from './rules/comms-late-batch.ts';
import { commsNoFix } from './rules/comms-no-fix.ts';
import { commsSecondConnection } from './rules/comms-second-connection.ts';
import { commsSequenceGap } from './rules/comms-sequence-gap.ts';
import { commsSilent } from './rules/comms-silent.ts';
import { motionImpossible } from './rules/motion-impossible.ts';
import { pairSeparation } from './rules/pair-separation.ts';
import { powerDeepSleep } from './rules/power-deep-sleep.ts';
import { powerLow } from './rules/power-low.ts';
import { powerVeryLow } from './rules/power-very-low.ts';
import { routeDeviation } from './rules/route-deviation.ts';
import { routeOppositeDirection } from './rules/route-opposite-direction.ts';
import { routeRequiredPointMissed } from './rules/route-required-point-missed.ts';
import { routeRestrictedArea } from './rules/route-restricted-area.ts';
import { routeWrongDestination } from './rules/route-wrong-destination.ts';
import { sealCaseOpened } from './rules/seal-case-opened.ts';
import { sealIdentityMismatch } from './rules/seal-identity-mismatch.ts';
import { sealLongUnlocked } from './rules/seal-long-unlocked.ts';
import { sealMotorStuck } from './rules/seal-motor-stuck.ts';
import { sealOpenedInTransit } from './rules/seal-opened-in-transit.ts';
import { sealReclosed } from './rules/seal-reclosed.ts';
import { sealRopeCut } from './rules/seal-rope-cut.ts';
import { sealUnauthorisedCard } from './rules/seal-unauthorised-card.ts';
import { sealUnlockRefused } from './rules/seal-unlock-refused.ts';
import { sealUnlockedOutsidePlace } from './rules/seal-unlocked-outside-place.ts';
import { sealUnsealedBeforeVerification } from './rules/seal-unsealed-before-verification.ts';
import { sealWrongPassword } from './rules/seal-wrong-password.ts';
import { timeOverdue } from './rules/time-overdue.ts';
import { timeUnaccounted } from './rules/time-unaccounted.ts';
import { timeUnapprovedStop } from './rules/time-unapproved-stop.ts';

/** Every rule, in the order in which a record goes through them. The gate's own reasons are in `custody/`. */
export const ALL_RULES: readonly Rule[] = [
  sealOpenedInTransit,
  sealRopeCut,
  sealCaseOpened,
  sealReclosed,
  sealUnlockedOutsidePlace,
  sealUnsealedBeforeVerification,
  sealIdentityMismatch,
  sealUnauthorisedCard,
  sealWrongPassword,
  sealUnlockRefused,
  sealMotorStuck,
  sealLongUnlocked,
  routeDeviation,
  routeOppositeDirection,
  routeRequiredPointMissed,
  routeRestrictedArea,
  routeWrongDestination,
  timeUnapprovedStop,
  timeOverdue,
  timeUnaccounted,
  motionImpossible,
  pairSeparation,
  commsSilent,
  commsNoFix,
  commsJamming,
  commsSecondConnection,
  commsClock,
  commsSequenceGap,
  commsLateBatch,
  powerLow,
  powerVeryLow,
  powerDeepSleep,
];

/** What the rules are: for the documentation, the screens and the check of parameters. */
export const RULES: readonly RuleDescription[] = ALL_RULES.map((rule): RuleDescription => rule);

const BY_NAME: ReadonlyMap<string, Rule> = new Map(ALL_RULES.map((rule) => [rule.rule, rule]));

/** The names of the rules whose active alarms break a check of the transit step. */
export const rulesBreaking = (check: TransitCheck): string[] =>
  ALL_RULES.filter(({ breaksCheck }) => breaksCheck === check).map(({ rule }) => rule);

/** The names of the rules whose alarms show silence, or a deviation from the route. */
export const rulesShowing = (what: NonNullable<RuleDescription['shows']>): string[] =>
  ALL_RULES.filter(({ shows }) => shows === what).map(({ rule }) => rule);

/** @throws RangeError if there is no such rule */
export function ruleNamed(name: string): Rule {
  const rule = BY_NAME.get(name);
  if (!rule) throw new RangeError(`no rule ${name}`);
  return rule;
}

/** What is known of an alarm's rule; undefined for the gate's own reasons. */
export function describeRule(name: string): RuleDescription | undefined {
  return BY_NAME.get(name);
}
