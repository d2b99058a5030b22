/** How long an urgent alarm may stand without a name before people are called. */
export interface CallTimes {
  remindAfterMs: number;
  /** More than `remindAfterMs`. */
  escalateAfterMs: number;
}

/** What the process knows of an alarm; times in epoch ms. */
export interface Urgent {
  active: boolean;
  acknowledged: boolean;
  /** Since when it is critical and confirmed; absent: it never was. */
  urgentAtMs?: number | undefined;
  remindedAtMs?: number | undefined;
  escalatedAtMs?: number | undefined;
  /** Its vehicle is kept quiet until then. */
  frozenUntilMs?: number | undefined;
}

export interface Call {
  call: 'remind' | 'escalate';
  atMs: number;
}

/**
 * The next call for an alarm that nobody has taken:
 *
 *   urgent ──remindAfter──► remind ──(escalateAfter − remindAfter)──► escalate
 *
 * The second counts from the first, so that people who were reminded late (the platform was stopped, the vehicle was kept
 * quiet) have as long to answer as ever. No call falls into a time of quiet; it comes at its end.
 * @returns undefined where nobody is to be called any more
 */
export function nextCall(alarm: Urgent, times: CallTimes): Call | undefined {
  const { active, acknowledged, urgentAtMs, remindedAtMs, escalatedAtMs, frozenUntilMs = 0 } = alarm;
  if (!active || acknowledged || urgentAtMs === undefined || escalatedAtMs !== undefined) return undefined;
  if (remindedAtMs === undefined) {
    return { call: 'remind', atMs: Math.max(urgentAtMs + times.remindAfterMs, frozenUntilMs) };
  }
  const atMs = Math.max(remindedAtMs + times.escalateAfterMs - times.remindAfterMs, frozenUntilMs);
  return { call: 'escalate', atMs };
}
