import { Command, commandTopic, replyTopic, reportTopic } from '@sealwatch/schemas';
import { connect, type MqttClient } from 'mqtt';
import { InterfaceError } from '../rest.ts';

/** Something that happens to a sending: its acknowledgement gets lost, or a second device under the lock's id makes it. */
export type How = 'ack-lost' | 'cloned';

/** How one lock reaches the platform. */
export interface Radio {
  /** Resolves when the platform has acknowledged it. */
  send(payload: string, how?: How): Promise<void>;
  /** What the platform calls the record with this name in the script. */
  nameOf(id: string): string;
  close(): Promise<void>;
}

interface MqttRadioOptions {
  mqtt: string;
  lockId: string;
  secret: string;
  stop: AbortSignal;
}

/** Opens the MQTT connection of a lock (contract §2). @throws InterfaceError */
export function openMqttRadio({ mqtt, lockId, secret, stop }: MqttRadioOptions): Promise<Radio> {
  const called = `MQTT ${mqtt}, lock ${lockId}`;
  return new Promise((resolve, reject) => {
    const client = connect(mqtt, {
      clientId: lockId,
      username: lockId,
      password: secret,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 1_000,
      connectTimeout: 30_000,
    });
    client.on('error', (error) => {
      client.end(true);
      reject(new InterfaceError(called, error.message));
    });
    client.on('message', (_topic, payload) => answerCommand(client, lockId, payload.toString()));
    client.once('connect', () => {
      client.subscribeAsync(commandTopic(lockId), { qos: 1 }).then(
        () => resolve(radioOf(client, lockId)),
        (error: unknown) => reject(new InterfaceError(called, String(error))),
      );
    });
    const quit = () => client.end(true);
    stop.addEventListener('abort', quit, { once: true });
    client.once('end', () => stop.removeEventListener('abort', quit));
  });
}

function radioOf(client: MqttClient, lockId: string): Radio {
  return {
    async send(payload) {
      await client.publishAsync(reportTopic(lockId), payload, { qos: 1 });
    },
    nameOf: (id) => id,
    close: () => client.endAsync().catch(() => undefined),
  };
}

/** Replies to every command as done; commands do not change the script, which is fixed beforehand. */
function answerCommand(client: MqttClient, lockId: string, text: string): void {
  const read = Command.safeParse(JSON.parse(text));
  if (!read.success) return;
  const reply = { v: 1, commandId: read.data.commandId, result: 'done', time: new Date().toISOString() };
  client.publish(replyTopic(lockId), JSON.stringify(reply), { qos: 1 });
}
