import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BasemapTone } from '@sealwatch/schemas';
import { z } from 'zod';
import type { CallTimes } from './alarms/due.ts';
import { type BasemapSettings, basemapOf } from './basemap/settings.ts';
import { type AmqpSettings, readAmqpUrls } from './bus/amqp-url.ts';
import type { ProviderSettings } from './people/provider-settings.ts';
import { PROVIDER_ENVIRONMENT, providerOf, wrongProvider } from './provider-environment.ts';
import { readTrustProxy, TRUST_PROXY_FORM, type TrustProxy } from './trust-proxy.ts';

/** Folder of the wall's built pages, the same in the checkout and in the image. */
export const WALL_DIR = fileURLToPath(new URL('../../monitor-ui/dist', import.meta.url));

/** Who is given the first link of a platform that has no people. */
export const FIRST_PERSON = 'admin';

/** Of the platform, e.g. `0.1.0`. */
export function versionOf(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

const Port = z.coerce
  .number({ error: 'expected a port: 0 (choose one) to 65535' })
  .int()
  .min(0, 'expected a port: 0 (choose one) to 65535')
  .max(65_535, 'expected a port: 0 (choose one) to 65535');

const Seconds = z.coerce
  .number({ error: 'expected seconds: 1 to 86400' })
  .min(1, 'expected seconds: 1 to 86400')
  .max(86_400, 'expected seconds: 1 to 86400');

const PostgresUrl = z.string().regex(/^postgres(ql)?:\/\//, 'expected postgres://user:password@host:port/database');

const Network = z.union([z.cidrv4(), z.cidrv6()], {
  error: 'expected networks divided by commas, e.g. 10.20.0.0/16,fd00::/8',
});

const Paths = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(z.string().min(1, 'expected paths of PEM files, divided by commas')));

const Clients = z.enum(['none', 'optional', 'required'], {
  error: 'expected none, optional (locks may bring a certificate) or required (every lock has to)',
});

const RETENTION = 'expected whole days: 30 to 36500; unset, reports are kept for ever';

const Environment = z
  .object({
    SEALWATCH_HOST: z.string().min(1).default('127.0.0.1'),
    SEALWATCH_HTTP_PORT: Port.default(8080),
    SEALWATCH_MQTT_PORT: Port.default(1883),
    SEALWATCH_MQTTS_PORT: Port.default(8883),
    SEALWATCH_MQTT_WS_PORT: Port.optional(),
    SEALWATCH_BRIDGE_PORT: Port.optional(),
    SEALWATCH_TLS_CERT: z.string().optional(),
    SEALWATCH_TLS_KEY: z.string().optional(),
    SEALWATCH_TLS_CLIENT_CA: Paths.optional(),
    SEALWATCH_TLS_CLIENT_CRL: Paths.optional(),
    SEALWATCH_MQTTS_CLIENTS: Clients.optional(),
    SEALWATCH_MQTT_WS_CLIENTS: Clients.optional(),
    SEALWATCH_DATA_DIR: z.string().min(1).default('./data'),
    DATABASE_URL: PostgresUrl.optional(),
    AMQP_URL: z
      .string()
      .transform((text, context) => {
        const read = readAmqpUrls(text);
        if (typeof read !== 'string') return read;
        context.addIssue({ code: 'custom', message: read });
        return z.NEVER;
      })
      .optional(),
    SEALWATCH_BOOTSTRAP_KEY: z
      .string()
      .min(32, 'expected at least 32 characters, e.g. from `openssl rand -hex 32`')
      .max(256)
      .optional(),
    SEALWATCH_WEBHOOK_KEY: z
      .string()
      .regex(/^[A-Za-z0-9+/]{43}=$/, 'expected 32 bytes in base64, e.g. from `openssl rand -base64 32`')
      .transform((text) => Buffer.from(text, 'base64'))
      .optional(),
    SEALWATCH_WEBHOOK_NETWORKS: z
      .string()
      .transform((text) => text.split(',').map((part) => part.trim()))
      .pipe(z.array(Network))
      .optional(),
    SEALWATCH_TRUST_PROXY: z
      .string()
      .transform(readTrustProxy)
      .refine((read) => read !== 'wrong', TRUST_PROXY_FORM)
      .optional(),
    SEALWATCH_SECOND_FACTOR: z
      .enum(['optional', 'required'], { error: 'expected optional, or required (of supervisors and admins)' })
      .default('optional'),
    ...PROVIDER_ENVIRONMENT,
    SEALWATCH_REMIND_AFTER_S: Seconds.default(120),
    SEALWATCH_ESCALATE_AFTER_S: Seconds.default(300),
    SEALWATCH_SIMULATOR: z.enum(['0', '1'], { error: 'expected 1 (on) or 0 (off)' }).default('0'),
    SEALWATCH_RETENTION_DAYS: z.coerce
      .number({ error: RETENTION })
      .int(RETENTION)
      .min(30, RETENTION)
      .max(36_500, RETENTION)
      .optional(),
    SEALWATCH_BASEMAP: z.string().optional(),
    SEALWATCH_BASEMAP_ATTRIBUTION: z.string().max(300).optional(),
    SEALWATCH_BASEMAP_CRS: z
      .enum(['wgs84', 'gcj02', 'bd09'], { error: 'expected wgs84; maps in gcj02 or bd09 are refused' })
      .default('wgs84'),
    SEALWATCH_BASEMAP_TONE: BasemapTone.default('light'),
    SEALWATCH_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  })
  .refine((env) => Boolean(env.SEALWATCH_TLS_CERT) === Boolean(env.SEALWATCH_TLS_KEY), {
    path: ['SEALWATCH_TLS_CERT'],
    message: 'SEALWATCH_TLS_CERT and SEALWATCH_TLS_KEY are given together or not at all',
  })
  .superRefine((env, context) => {
    const wrong = (variable: string, message: string) =>
      context.addIssue({ code: 'custom', path: [variable], message });
    if (env.SEALWATCH_TLS_CLIENT_CA === undefined) {
      if (env.SEALWATCH_TLS_CLIENT_CRL)
        wrong('SEALWATCH_TLS_CLIENT_CRL', 'needs SEALWATCH_TLS_CLIENT_CA, the CAs of the lists');
      for (const variable of ['SEALWATCH_MQTTS_CLIENTS', 'SEALWATCH_MQTT_WS_CLIENTS'] as const) {
        const asks = env[variable] !== undefined && env[variable] !== 'none';
        if (asks) wrong(variable, 'needs SEALWATCH_TLS_CLIENT_CA, the CAs whose certificates locks may bring');
      }
    } else if (!env.SEALWATCH_TLS_CERT) {
      wrong('SEALWATCH_TLS_CLIENT_CA', 'needs SEALWATCH_TLS_CERT: certificates of locks come over TLS');
    }
  })
  .refine((env) => env.SEALWATCH_ESCALATE_AFTER_S > env.SEALWATCH_REMIND_AFTER_S, {
    path: ['SEALWATCH_ESCALATE_AFTER_S'],
    message: 'expected more than SEALWATCH_REMIND_AFTER_S: an alarm is escalated after its reminder',
  })
  .superRefine((env, context) => {
    if (env.AMQP_URL === undefined) return;
    const wrong = (variable: string, message: string) =>
      context.addIssue({ code: 'custom', path: [variable], message });
    if (env.DATABASE_URL === undefined) wrong('AMQP_URL', 'needs DATABASE_URL, the PostgreSQL of the whole cluster');
    if (env.SEALWATCH_WEBHOOK_KEY === undefined)
      wrong('AMQP_URL', 'needs SEALWATCH_WEBHOOK_KEY, the same for every member, e.g. from `openssl rand -base64 32`');
    if (env.SEALWATCH_SIMULATOR === '1')
      wrong('SEALWATCH_SIMULATOR', 'expected 0 with AMQP_URL: simulated fleets run on a platform that is alone');
  })
  .superRefine((env, context) => {
    for (const { variable, message } of wrongProvider(env)) {
      context.addIssue({ code: 'custom', path: [variable], message });
    }
    for (const { variable, message } of basemapOf(env).wrong) {
      context.addIssue({ code: 'custom', path: [variable], message });
    }
  });

export interface Config {
  host: string;
  httpPort: number;
  mqttPort: number;
  mqttsPort: number;
  /** Absent: no MQTT over WebSocket. */
  mqttWebSocketPort?: number;
  /** Where locks with protocols of their own connect; absent: nowhere. */
  bridgePort?: number;
  tls?: {
    certPath: string;
    keyPath: string;
    /** CAs of the certificates of locks; empty: none are taken. */
    clientCaPaths: string[];
    clientCrlPaths: string[];
    /** Whether locks bring certificates to MQTT over TLS, and over WebSocket. */
    clients: 'none' | 'optional' | 'required';
    webSocketClients: 'none' | 'optional' | 'required';
  };
  dataDir: string;
  databaseUrl?: string;
  /** The RabbitMQ of a cluster that this process is a member of; absent: it is alone, or one of a pair. */
  amqp?: AmqpSettings;
  bootstrapKey?: string;
  /** 32 bytes that secrets of subscriptions are sealed with; absent: those of `webhooks.key` in the data folder. */
  webhookKey?: Buffer;
  /** Private networks that webhooks may reach; none by default. */
  webhookNetworks: string[];
  /** Which proxies before the platform are believed; absent: none. */
  trustProxy?: TrustProxy;
  /** Supervisors and admins need a second factor. */
  secondFactorRequired: boolean;
  /** The OpenID provider by which people sign in; absent: none. */
  provider?: ProviderSettings;
  /** When people are called for a critical alarm that nobody acknowledges. */
  calls: CallTimes;
  /** Testers may start simulated fleets at /simulator. */
  simulator: boolean;
  /** Days after which whole days of reports are dropped; absent: never. */
  retentionDays?: number;
  /** The operator's basemap; absent: only the bundled one. */
  basemap?: BasemapSettings;
  logLevel: string;
}

/** Names every wrong variable, so that one start shows all of them. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

function tlsOf(e: z.output<typeof Environment>): Pick<Config, 'tls'> {
  if (!e.SEALWATCH_TLS_CERT || !e.SEALWATCH_TLS_KEY) return {};
  const clientCaPaths = e.SEALWATCH_TLS_CLIENT_CA ?? [];
  return {
    tls: {
      certPath: e.SEALWATCH_TLS_CERT,
      keyPath: e.SEALWATCH_TLS_KEY,
      clientCaPaths,
      clientCrlPaths: e.SEALWATCH_TLS_CLIENT_CRL ?? [],
      clients: e.SEALWATCH_MQTTS_CLIENTS ?? (clientCaPaths.length > 0 ? 'optional' : 'none'),
      webSocketClients: e.SEALWATCH_MQTT_WS_CLIENTS ?? 'none',
    },
  };
}

/**
 * Reads the platform's settings (contract §1). Empty variables count as absent.
 * @throws ConfigError naming each wrong variable and what was expected; values of secrets are not repeated
 */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = Environment.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(`these settings cannot be used:\n${lines.join('\n')}`);
  }
  const e = parsed.data;
  const { settings: basemap } = basemapOf(e);
  const provider = providerOf(e);
  return {
    host: e.SEALWATCH_HOST,
    httpPort: e.SEALWATCH_HTTP_PORT,
    mqttPort: e.SEALWATCH_MQTT_PORT,
    mqttsPort: e.SEALWATCH_MQTTS_PORT,
    ...(e.SEALWATCH_MQTT_WS_PORT === undefined ? {} : { mqttWebSocketPort: e.SEALWATCH_MQTT_WS_PORT }),
    ...(e.SEALWATCH_BRIDGE_PORT === undefined ? {} : { bridgePort: e.SEALWATCH_BRIDGE_PORT }),
    ...tlsOf(e),
    dataDir: resolve(e.SEALWATCH_DATA_DIR),
    ...(e.DATABASE_URL ? { databaseUrl: e.DATABASE_URL } : {}),
    ...(e.AMQP_URL ? { amqp: e.AMQP_URL } : {}),
    ...(e.SEALWATCH_BOOTSTRAP_KEY ? { bootstrapKey: e.SEALWATCH_BOOTSTRAP_KEY } : {}),
    ...(e.SEALWATCH_WEBHOOK_KEY ? { webhookKey: e.SEALWATCH_WEBHOOK_KEY } : {}),
    ...(e.SEALWATCH_RETENTION_DAYS === undefined ? {} : { retentionDays: e.SEALWATCH_RETENTION_DAYS }),
    ...(basemap ? { basemap } : {}),
    ...(typeof e.SEALWATCH_TRUST_PROXY === 'function' ? { trustProxy: e.SEALWATCH_TRUST_PROXY } : {}),
    ...(provider ? { provider } : {}),
    secondFactorRequired: e.SEALWATCH_SECOND_FACTOR === 'required',
    webhookNetworks: e.SEALWATCH_WEBHOOK_NETWORKS ?? [],
    calls: {
      remindAfterMs: e.SEALWATCH_REMIND_AFTER_S * 1_000,
      escalateAfterMs: e.SEALWATCH_ESCALATE_AFTER_S * 1_000,
    },
    simulator: e.SEALWATCH_SIMULATOR === '1',
    logLevel: e.SEALWATCH_LOG_LEVEL,
  };
}
