import type { Registry } from 'prom-client';
import type { ServedBasemap } from '../../basemap/served.ts';
import type { ReportDoor, UseCaseDeps } from '../../ports.ts';
import type { Simulations } from '../../simulations.ts';
import type { Webhooks } from '../../webhooks/webhooks.ts';

export type ApiConfig = UseCaseDeps['config'] & {
  bootstrapKey?: string | undefined;
  /** Folder of the built wall; absent or empty: a page says how to build it. */
  wallDir?: string | undefined;
  /** The operator's own basemap; absent: the bundled one alone. */
  basemap?: ServedBasemap;
  /** File in which the end of the audit's chain is kept; absent: in the log alone. */
  auditAnchors?: string;
  /** Calls a minute and caller. */
  callsPerMinute?: number;
  /** Attempts to sign in a minute and address. */
  signInsPerMinute?: number;
  /** Set if the platform is behind a trusted proxy. */
  trustProxy?: boolean | string;
};

export interface ApiDeps extends UseCaseDeps {
  door: ReportDoor;
  config: ApiConfig;
  /** Where the platform's metrics are collected; absent: a new one. */
  registry?: Registry;
  /** Sends events to subscribers; absent: nobody can subscribe. */
  webhooks?: Webhooks;
  /** Simulated fleets on demand; absent: switched off. */
  simulations?: Simulations | undefined;
}
