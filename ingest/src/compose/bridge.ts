import { join } from 'node:path';
import { type Bridge, protocols, startBridge } from '@sealwatch/bridge';
import { ListenError } from '../listen.ts';
import { bridgeList, hearBridge } from '../locks/bridge.ts';
import type { BridgeDesk } from '../locks/bridge-desk.ts';
import type { Judging } from '../ports.ts';
import type { Base } from './part.ts';

/** By which the platform's own bridge is known, in the audit too. */
const OWN = 'platform';

/**
 * The part that locks with protocols of their own connect to, inside the platform: it signs in to the platform's MQTT as each
 * of them, as a bridge apart would.
 * @returns undefined where it is switched off @throws ListenError
 */
export async function startBridgePart(
  { config, log, registry, pool, hints, bridged, undo }: Base,
  { desk, judging, mqtt }: { desk: BridgeDesk; judging: Judging; mqtt: string },
): Promise<(Bridge & { address: string }) | undefined> {
  const { bridgePort: port, host, dataDir } = config;
  if (port === undefined) return undefined;
  const deps = { pool, hints, judging, bridged };
  const bridge = await startBridge({
    host,
    port,
    mqttUrl: mqtt.replace('//0.0.0.0:', '//127.0.0.1:').replace('//:::', '//[::1]:'),
    name: OWN,
    async exchange(news) {
      await hearBridge(deps, desk, news);
      return bridgeList(deps, OWN, news.version);
    },
    ledgerPath: join(dataDir, 'bridge.ledger'),
    wire: protocols,
    registry,
    log,
  }).catch((error) => {
    throw ListenError.from(error, 'bridge', port, 'SEALWATCH_BRIDGE_PORT');
  });
  undo.push(() => bridge.stop());
  hints.on('locks', () => bridge.refresh());
  return Object.assign(bridge, { address: `tcp://${host}:${bridge.port}` });
}
