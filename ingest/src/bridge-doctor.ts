import type { Pool } from 'pg';
import { bridgedOf } from './bridged.ts';
import type { Config } from './config.ts';
import { hashSecret } from './people/secret.ts';
import type { Finding } from './postgres/finding.ts';
import { sealingKeyOf } from './sealing-key.ts';
import { bridgedLocks } from './store/locks/bridged.ts';
import { countBridgeKeys } from './store/people/keys.ts';

/** Whether somebody speaks for the locks that do not speak MQTT, and can sign in for them. */
export async function checkBridge(pool: Pool, config: Config): Promise<Finding> {
  const part = 'bridge';
  const locks = await bridgedLocks(pool);
  const own = config.bridgePort === undefined ? undefined : `inside the platform, on port ${config.bridgePort}`;
  if (locks.length === 0) return { part, state: 'ok', text: own ?? 'no lock needs one' };
  const keys = await countBridgeKeys(pool);
  if (own === undefined && keys === 0) {
    const text = `${locks.length} locks need a bridge, and there is none`;
    const hint =
      'Set SEALWATCH_BRIDGE_PORT, or run `sealwatch bridge` with a key of the role bridge (docs/connecting-locks.md).';
    return { part, state: 'problem', text, hint };
  }
  const { secretOf } = bridgedOf(sealingKeyOf(config));
  const stale = locks.filter(
    ({ lock_id: lockId, secret_generation: generation, secret_hash: hash }) =>
      !hashSecret(secretOf(lockId, generation)).equals(hash),
  );
  if (stale.length === 0) {
    return { part, state: 'ok', text: `${locks.length} locks, ${own ?? `by ${keys} keys of bridges apart`}` };
  }
  const text = `${stale.length} of ${locks.length} locks have secrets of another webhooks.key`;
  const hint =
    'They get those of the present key when a bridge next asks; if webhooks.key was lost, nothing is to be done.';
  return { part, state: 'warning', text, hint };
}
