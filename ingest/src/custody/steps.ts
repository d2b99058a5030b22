import type { Check, Step, StepName, TripStatus } from '@sealwatch/schemas';
import { rulesBreaking } from '../tracker/index.ts';
import { hasPassed } from './status.ts';

const ORDER: StepName[] = ['hang', 'seal', 'transit', 'verify', 'unlock'];

/** The checks of each step (docs/rules.md, "The five steps"). */
export const CHECKS = {
  hang: ['registered', 'blacklist', 'healthy', 'battery'],
  seal: ['number', 'battery', 'online', 'blacklist', 'locked', 'place', 'container', 'plate', 'interval'],
  transit: ['not-silent', 'not-opened', 'case-intact', 'no-overtime-stop'],
  verify: ['number', 'battery', 'intact', 'place', 'container', 'plate', 'alarms'],
  unlock: ['verified', 'place', 'alarms', 'unlocked'],
} as const satisfies Record<StepName, readonly string[]>;

/** The five steps of a trip that was just declared: 挂锁 施封 在途 验封 开锁. */
export function freshSteps(): Step[] {
  return ORDER.map((step) => ({ step, state: 'pending', checks: [] }));
}

/** The steps of a trip taken over under way: what another system saw to is waived, by the person who said so. */
export function takeoverSteps(takeover: { sealedAt: string; departedAt: string }, by: string): Step[] {
  const waived = (step: 'hang' | 'seal'): Step => ({
    step,
    state: 'waived',
    at: takeover.sealedAt,
    checks: CHECKS[step].map((check) => ({ check, passed: false, waivedBy: by, detail: 'taken over under way' })),
  });
  return freshSteps().map((step) => {
    if (step.step === 'hang' || step.step === 'seal') return waived(step.step);
    return step.step === 'transit' ? { ...step, state: 'active', at: takeover.departedAt } : step;
  });
}

/** Passed, or waived by a named person. */
export const holds = (check: Check): boolean => check.passed || check.waivedBy !== undefined;

export const failedChecks = (checks: Check[]): Check[] => checks.filter((check) => !holds(check));

/** The state a step ends in by its checks. */
export function stateByChecks(checks: Check[]): Step['state'] {
  if (failedChecks(checks).length > 0) return 'failed';
  return checks.length > 0 && checks.every((check) => check.waivedBy !== undefined) ? 'waived' : 'done';
}

/** The steps with one of them replaced; the others stay as they were. */
export function withStep(steps: Step[], changed: Step): Step[] {
  return steps.map((step) => (step.step === changed.step ? changed : step));
}

export interface Waiver {
  check: string;
  reason: string;
}

/** Marks failed checks as waived by a named person; a check that passed needs no waiver and keeps its mark. */
export function waive(checks: Check[], waivers: Waiver[], by: string): Check[] {
  return checks.map((check) => {
    const waiver = waivers.find((w) => w.check === check.check);
    if (check.passed || waiver === undefined) return check;
    return { ...check, waivedBy: by, detail: [check.detail, waiver.reason].filter(Boolean).join('; ') };
  });
}

const TRANSIT_RULES = CHECKS.transit.map((check) => ({ check, rules: rulesBreaking(check) }));

/**
 * The transit step: it follows from the trip's status and its active alarms.
 * A trip that was never sealed here, or was cancelled, keeps the step it has.
 */
export function withTransit(
  steps: Step[],
  trip: { status: TripStatus; departedAt?: string | undefined; arrivedAt?: string | undefined },
  activeRules: string[],
): Step[] {
  if (!hasPassed(trip.status, 'depart')) return steps;
  const checks: Check[] = TRANSIT_RULES.map(({ check, rules }) => {
    const broken = rules.filter((rule) => activeRules.includes(rule));
    return { check, passed: broken.length === 0, ...(broken.length > 0 ? { detail: broken.join(', ') } : {}) };
  });
  const at = trip.arrivedAt ?? trip.departedAt;
  const state = trip.status === 'in-transit' ? 'active' : stateByChecks(checks);
  return withStep(steps, { step: 'transit', state, ...(at === undefined ? {} : { at }), checks });
}
