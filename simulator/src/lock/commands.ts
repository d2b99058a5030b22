import type { Command, Reply } from '@sealwatch/schemas';
import type { LockOutput, Stepped } from './input-output.ts';
import type { LockState } from './state.ts';
import { lockClockMs, rebooted, sealed, unlocked, unlockRefused } from './state.ts';

/** Carries out a command and replies; refuses an expired one. */
export function execute(state: LockState, nowMs: number, command: Command): Stepped {
  const answer = (result: Reply['result'], reason?: string): LockOutput => ({
    type: 'reply',
    reply: {
      v: 1,
      commandId: command.commandId,
      result,
      ...(reason === undefined ? {} : { reason }),
      time: new Date(Math.round(lockClockMs(state, nowMs))).toISOString(),
    },
  });
  if (command.expiresAt !== undefined && Date.parse(command.expiresAt) < lockClockMs(state, nowMs)) {
    return { state, outputs: [answer('refused', 'expired')] };
  }
  switch (command.type) {
    case 'interval': {
      const sealed = state.mode === 'sealed';
      const intervalS = command.intervalS ?? 30;
      const mode = sealed ? 'sealed' : 'tracking';
      return { state: { ...state, mode, intervalS, nextReportMs: nowMs }, outputs: [answer('done')] };
    }
    case 'seal':
      return state.seal.rope === 'inserted'
        ? { state: sealed(state, nowMs), outputs: [answer('done')] }
        : { state, outputs: [answer('failed', `rope is ${state.seal.rope}: insert it first`)] };
    case 'unlock':
      return state.refusesUnlock
        ? { state: unlockRefused(state, nowMs), outputs: [answer('refused', '99 outside-area')] }
        : { state: unlocked(state, nowMs), outputs: [answer('done')] };
    case 'locate':
      return { state: { ...state, rollCall: true, nextReportMs: nowMs }, outputs: [answer('done')] };
    case 'secret':
      return command.secret === undefined
        ? { state, outputs: [answer('failed', 'no secret in the command')] }
        : { state, outputs: [{ type: 'secret', secret: command.secret }, answer('done'), { type: 'sign-in' }] };
    case 'reboot':
      return { state: rebooted(state, nowMs, 'remote'), outputs: [answer('done'), { type: 'restart' }] };
  }
}
