import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError } from './config.ts';
import { keyOfFile } from './secret-box.ts';

const VARIABLE = 'SEALWATCH_WEBHOOK_KEY';

/** The file of the key in the data folder, where the environment has none. */
export const keyFileOf = ({ dataDir }: Pick<Config, 'dataDir'>): string => join(dataDir, 'webhooks.key');

/**
 * The key that secrets are sealed with: of the environment, so that platforms share it without a file; else of the data folder.
 * @throws ConfigError where both are there and differ: what was sealed with one cannot be read with the other
 */
export function sealingKeyOf(config: Pick<Config, 'dataDir' | 'webhookKey'>): Buffer {
  const path = keyFileOf(config);
  const { webhookKey } = config;
  if (webhookKey === undefined) return keyOfFile(path);
  if (existsSync(path) && !keyOfFile(path).equals(webhookKey)) {
    throw new ConfigError(
      `${VARIABLE} is another key than that in ${path}. Set ${VARIABLE} to the content of that file, which has sealed the secrets of ` +
        'subscriptions; or, if it never did, move the file away.',
    );
  }
  return webhookKey;
}
