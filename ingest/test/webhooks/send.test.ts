import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addressRule } from '../../src/webhooks/address.ts';
import { type Sent, sendWebhook } from '../../src/webhooks/send.ts';
import { type Receiver, startReceiver } from './receiver.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  receiver.answer = () => 'hang';
});
afterAll(() => receiver?.close());

test('an attempt ends at its time limit, also if memory is collected while it waits (nodejs/node#57736)', async () => {
  let sent: Sent | undefined;
  const sending = sendWebhook({
    url: receiver.url,
    headers: {},
    body: '{}',
    rule: addressRule(['127.0.0.0/8']),
    timeoutMs: 300,
    signal: new AbortController().signal,
  }).then((answer) => {
    sent = answer;
  });
  await expect.poll(() => receiver.received.length).toBe(1);
  collect();
  await expect.poll(() => sent, { timeout: 20_000 }).toEqual({ error: 'timeout' });
  await sending;
});
