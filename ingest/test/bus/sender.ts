import { setTimeout as sleep } from 'node:timers/promises';
import type { Bus } from '../../src/bus/bus.ts';

/** Sends numbered messages one after the other, and each again until it is sent, as who waits for an answer does. */
export function startSender(from: Bus, to: Bus) {
  const heard: number[] = [];
  const state = { sent: 0, longestMs: 0 };
  let isEnding = false;
  const listening = to.onMessage('reports', (_from, body) => heard.push(Number(body)));
  const done = (async () => {
    await listening;
    for (let n = 0; !isEnding; n++) {
      const sinceMs = performance.now();
      while (!isEnding && (await from.send('reports', to.memberId, Buffer.from(String(n)))) !== 'sent') await sleep(50);
      state.longestMs = Math.max(state.longestMs, performance.now() - sinceMs);
      state.sent = n + 1;
      await sleep(2);
    }
  })();
  return {
    heard,
    state,
    /** What of 0 … sent - 1 was heard for the first time, in the order of hearing; a message that is sent again may come again. */
    firsts: () => [...new Set(heard)],
    async end() {
      isEnding = true;
      await done;
    },
  };
}
