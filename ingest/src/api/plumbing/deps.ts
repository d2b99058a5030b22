import type { Registry } from 'prom-client';
import type { ServedBasemap } from '../../basemap/served.ts';
import type { BodyParser } from '../../parsing/body-parser.ts';
import type { ReportDoor, UseCaseDeps } from '../../ports.ts';
import type { Simulations } from '../../simulations.ts';
import type { Webhooks } from '../../webhooks/webhooks.ts';

export type ApiConfig = UseCaseDeps['config'] & {
  bootstrapKey?: string | undefined;
  /** Folder of the built wall; absent or empty: a page says how to build it. */
  wallDir?: string | undefined;
  /** The operator's own basemap; absent: the bundled one alone. */
  basemap?: ServedBasemap;
  /** Calls a minute and caller. */
  callsPerMinute?: number;
  /** Attempts to sign in a minute and address. */
  signInsPerMinute?: number;
  /** Set if the platform is behind a trusted proxy. */
  trustProxy?: boolean | string;
};

/** What the routes have. */
export interface ApiDeps extends StartDeps {
  /** Parses bodies beside the event loop. */
  bodies: BodyParser;
}

/** What the api is started with. */
export interface StartDeps extends UseCaseDeps {
  door: ReportDoor;
  config: ApiConfig;
  /** Where the platform's metrics are collected; absent: a new one. */
  registry?: Registry;
  /** Sends events to subscribers; absent: nobody can subscribe. */
  webhooks?: Webhooks;
  /** Simulated fleets on demand; absent: switched off. */
  simulations?: Simulations | undefined;
}
