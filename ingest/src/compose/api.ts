import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Gauge } from 'prom-client';
import { startEscalation } from '../alarms/escalation.ts';
import { startApi } from '../api/server.ts';
import type { ServedBasemap } from '../basemap/served.ts';
import { startFeed } from '../feed/feed.ts';
import { ListenError } from '../listen.ts';
import type { BridgeDesk } from '../locks/bridge-desk.ts';
import { anchorFileOf } from '../people/audit-anchors.ts';
import { KeyGuesses } from '../people/key-guesses.ts';
import { Provider } from '../people/provider.ts';
import type { Judging, ReportDoor, UseCaseDeps } from '../ports.ts';
import type { Simulations } from '../simulations.ts';
import { describeRule } from '../tracker/index.ts';
import { followUnlocks } from '../trips/command-ended.ts';
import { addressRule } from '../webhooks/address.ts';
import { startWebhooks } from '../webhooks/webhooks.ts';
import type { Base } from './part.ts';

export interface ApiPartDeps {
  judging: Judging;
  door: ReportDoor;
  simulations: Simulations | undefined;
  basemap: ServedBasemap;
  desk: BridgeDesk;
  /** Folder of the built screens. */
  wallDir: string;
}

export interface ApiPart {
  useCases: UseCaseDeps;
  /** @returns e.g. `http://127.0.0.1:8080` @throws ListenError */
  listen(): Promise<string>;
}

/** Changes with every build of the screens, so that a screen of another build reloads itself. */
function buildOf(wallDir: string): string {
  const page = join(wallDir, 'index.html');
  return existsSync(page) ? createHash('sha256').update(readFileSync(page)).digest('hex').slice(0, 12) : 'none';
}

/** The part that people, gates and other systems speak to: REST, live feed, escalation, webhooks. */
export async function startApiPart(base: Base, parts: ApiPartDeps): Promise<ApiPart> {
  const { config, log, registry, pool, gatePool, secretBox, factorBox, bridged, hints, live, undo } = base;
  const { judging, door, simulations, basemap, desk, wallDir } = parts;
  const { bootstrapKey, trustProxy, secondFactorRequired } = config;
  const ready = () => door.ready();
  const warnings = () => door.warnings?.() ?? [];
  const keyGuesses = new KeyGuesses(pool);
  const feed = await startFeed({
    pool,
    keyGuesses,
    live,
    hints,
    ready,
    warnings,
    log,
    config: { bootstrapKey, trustProxy, secondFactorRequired, build: buildOf(wallDir) },
  });
  new Gauge({
    name: 'sealwatch_feed_reloads',
    help: 'How often the wall was loaded anew, because changes of other members were missed',
    registers: [registry],
    collect() {
      this.set(feed.reloads);
    },
  });
  const repeat = () => followUnlocks({ pool, log, hints, judging });
  const escalation = await startEscalation({ pool, log, hints, times: config.calls, registry, repeat });
  undo.push(() => escalation.stop());
  feed.onAlarm((alarm) => escalation.watchAlarm(alarm));
  const webhooks = startWebhooks({
    pool,
    log,
    secrets: secretBox,
    rule: addressRule(config.webhookNetworks),
    registry,
  });
  undo.push(() => webhooks.stop());
  const useCases: UseCaseDeps = {
    pool,
    gatePool,
    judging,
    hints,
    secrets: secretBox,
    bridged,
    log,
    config: {},
    escalation,
    ruleText: (rule) => describeRule(rule)?.text,
  };
  const api = await startApi({
    ...useCases,
    door,
    desk,
    keyGuesses,
    factorSecrets: factorBox,
    provider: config.provider && new Provider(config.provider),
    simulations,
    webhooks,
    registry,
    config: {
      bootstrapKey,
      trustProxy,
      secondFactorRequired,
      wallDir,
      basemap,
      auditAnchors: anchorFileOf(config.dataDir),
    },
  });
  feed.attach(api.server);
  // What stops after this may take seconds, and the next platform does it as well.
  undo.push(() => base.handOver());
  // The sockets of the live feed end first: while one is open, the server does not close.
  undo.push(() => api.close());
  undo.push(() => feed.close());
  const listen = () =>
    api.listen({ host: config.host, port: config.httpPort }).catch((error) => {
      throw ListenError.from(error, 'HTTP', config.httpPort, 'SEALWATCH_HTTP_PORT');
    });
  return { useCases, listen };
}
