import type { Registry } from 'prom-client';
import type { ServedBasemap } from '../../basemap/served.ts';
import type { BridgeDesk } from '../../locks/bridge-desk.ts';
import type { BodyParser } from '../../parsing/body-parser.ts';
import type { KeyGuesses } from '../../people/key-guesses.ts';
import type { Provider } from '../../people/provider.ts';
import type { SignInLimits } from '../../people/sign-in-limits.ts';
import type { ReportDoor, UseCaseDeps } from '../../ports.ts';
import type { SecretBox } from '../../secret-box.ts';
import type { Simulations } from '../../simulations.ts';
import type { TrustProxy } from '../../trust-proxy.ts';
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
  /** Calls to sign in a minute and address, right passwords included. */
  signInsPerMinute?: number;
  /** How wrong passwords slow down those that follow; absent: by the usual rules. */
  signInLimits?: SignInLimits;
  /** Supervisors and admins need a second factor. */
  secondFactorRequired?: boolean;
  /** Which proxies before the platform are believed; absent: none. */
  trustProxy?: TrustProxy | undefined;
};

/** What the routes have. */
export interface ApiDeps extends StartDeps {
  /** Parses bodies beside the event loop. */
  bodies: BodyParser;
}

/** What the api is started with. */
export interface StartDeps extends UseCaseDeps {
  door: ReportDoor;
  /** What bridges have told. */
  desk: BridgeDesk;
  /** Counts keys that nobody has; absent: its own. */
  keyGuesses?: KeyGuesses;
  /** Seals the secrets of second factors. */
  factorSecrets: SecretBox;
  /** The operator's OpenID provider; absent: people sign in by name and password alone. */
  provider?: Provider | undefined;
  config: ApiConfig;
  /** Where the platform's metrics are collected; absent: a new one. */
  registry?: Registry;
  /** Sends events to subscribers; absent: nobody can subscribe. */
  webhooks?: Webhooks;
  /** Simulated fleets on demand; absent: switched off. */
  simulations?: Simulations | undefined;
}
