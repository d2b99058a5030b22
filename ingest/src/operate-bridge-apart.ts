import { hostname } from 'node:os';
import { startApart } from '@sealwatch/bridge/apart';
import { endInTime } from './end-in-time.ts';
import { ListenError } from './listen.ts';
import { createLog } from './log.ts';
import { OperationError } from './operation.ts';

export interface BridgeGiven {
  mqtt?: string;
  api?: string;
  keyFile?: string;
  port: number;
  host: string;
  httpPort?: number;
  name?: string;
  ledger: string;
}

/** Runs a bridge until SIGINT or SIGTERM. @throws BridgeSettingsError, ListenError */
export async function runBridge({ ledger, name = hostname(), ...rest }: BridgeGiven): Promise<void> {
  const { mqtt, api, keyFile } = rest;
  if (mqtt === undefined || api === undefined || keyFile === undefined) {
    throw new OperationError('--mqtt, --api and --key-file are needed', 'See: sealwatch bridge --help');
  }
  const given = { ...rest, mqtt, api, keyFile };
  const log = createLog(process.env.SEALWATCH_LOG_LEVEL || 'info');
  const signal = new Promise<string>((resolve) => {
    for (const each of ['SIGINT', 'SIGTERM']) process.once(each, () => resolve(each));
  });
  const bridge = await startApart({ ...given, name, ledgerPath: ledger, log }).catch((error) => {
    throw ListenError.from(error, 'bridge', given.port, '--port');
  });
  log.info({ signal: await signal }, 'stopping');
  endInTime(log);
  await bridge.stop();
  log.info('stopped');
}
