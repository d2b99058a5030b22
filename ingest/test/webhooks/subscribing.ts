import { randomBytes } from 'node:crypto';
import { secretBox } from '../../src/secret-box.ts';
import { addressRule } from '../../src/webhooks/address.ts';
import { startWebhooks, type Webhooks } from '../../src/webhooks/webhooks.ts';
import type { TestPlatform } from '../api/platform.ts';

/** Lets a platform tell subscribers on this machine; it sends when it is woken or asked to settle. */
export function withWebhooks(platform: TestPlatform): Webhooks {
  const { pool, deps } = platform;
  const rule = addressRule(['127.0.0.0/8']);
  const webhooks = startWebhooks({ pool, log: deps.log, secrets: secretBox(randomBytes(32)), rule, everyMs: 0 });
  deps.webhooks = webhooks;
  return webhooks;
}
