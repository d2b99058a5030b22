import type { NetworkSpaces } from '../../../scripts/network-spaces.mjs';
import { findRabbitmq, type Rabbitmq, startRabbitmq } from '../../../scripts/rabbitmq.mjs';
import { type AmqpSettings, readAmqpUrls } from '../../src/bus/amqp-url.ts';

/** Why tests over RabbitMQ do not run here; undefined: they do. */
export const WITHOUT_RABBITMQ =
  process.env.TEST_AMQP_URL === undefined && findRabbitmq() === undefined
    ? 'over RabbitMQ: skipped, rabbitmq-server cannot be had here'
    : undefined;

if (WITHOUT_RABBITMQ !== undefined) console.warn(WITHOUT_RABBITMQ);

/** The run's server (TEST_AMQP_URL), or one of its own; with a virtual host of the server's default. */
export async function anyRabbitmq(): Promise<{ settings: AmqpSettings; stop(): Promise<void> }> {
  const url = process.env.TEST_AMQP_URL;
  if (url !== undefined) return { settings: settingsOf(url), stop: async () => undefined };
  const server = await startRabbitmq();
  return { settings: settingsOf(server.url), stop: () => server.stop() };
}

/** A server of its own, whose nodes a test may kill. */
export async function ownRabbitmq(nodes = 1, spaces?: NetworkSpaces): Promise<Rabbitmq & { settings: AmqpSettings }> {
  const server = await startRabbitmq({ nodes, spaces });
  return { ...server, settings: settingsOf(server.url) };
}

function settingsOf(url: string): AmqpSettings {
  const settings = readAmqpUrls(url);
  if (typeof settings === 'string') throw new Error(settings);
  return settings;
}
