import { Command, commandTopic, replyTopic, reportTopic } from '@sealwatch/schemas';
import type { MqttClient } from 'mqtt';
import { connect } from 'mqtt';
import { InterfaceError } from './rest.ts';

/** What happens on a lock's radio link. */
export interface LinkEvents {
  connected(): void;
  disconnected(): void;
  command(command: Command): void;
  /** The platform refuses this lock's id or secret; the link does not connect again. */
  refused(error: InterfaceError): void;
}

export interface Link {
  /** Publishes at QoS 1; `done` is called on PUBACK only. */
  publish(what: 'report' | 'reply', payload: string, done?: () => void): void;
  /** Closes the connection without DISCONNECT and stays offline until `restore`: a dead zone. */
  lose(): void;
  restore(): void;
  close(): Promise<void>;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/**
 * A lock's MQTT connection (contract §2). Each connection is a new MQTT client, so that the firmware and
 * not the library decides what is sent again after a loss.
 */
export function openLink(url: string, lockId: string, secret: string, events: LinkEvents, pick: () => number): Link {
  let client: MqttClient | undefined;
  let timer: NodeJS.Timeout | undefined;
  let waitMs = FIRST_WAIT_MS;
  let wanted = true;
  let up = false;

  const again = () => {
    if (!wanted) return;
    timer = setTimeout(dial, waitMs * (0.5 + pick()));
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  };
  const gone = () => {
    client = undefined;
    if (up) events.disconnected();
    up = false;
  };
  const dial = () => {
    const dialled = connect(url, {
      clientId: lockId,
      username: lockId,
      password: secret,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: 15_000,
      keepalive: 60,
      queueQoSZero: false,
    });
    client = dialled;
    dialled.on('connect', () => {
      dialled.subscribe(commandTopic(lockId), { qos: 1 }, (error) => {
        if (error) {
          dialled.end(true);
          return;
        }
        if (client !== dialled) return;
        up = true;
        waitMs = FIRST_WAIT_MS;
        events.connected();
      });
    });
    dialled.on('message', (_topic, payload) => {
      const read = Command.safeParse(parse(payload.toString()));
      if (read.success) events.command(read.data);
    });
    dialled.on('error', (error) => {
      const code = 'code' in error ? error.code : undefined;
      if (code === 4 || code === 5) {
        wanted = false;
        const why = `CONNACK ${code}: the lock id or its secret is not accepted`;
        events.refused(new InterfaceError(`MQTT ${url}, lock ${lockId}`, why, Number(code)));
      }
    });
    dialled.once('close', () => {
      dialled.end(true);
      // `lose` has reported this disconnection already.
      if (client !== dialled) return;
      gone();
      again();
    });
  };
  dial();

  return {
    publish(what, payload, done) {
      const sender = client;
      if (!sender?.connected) return;
      const topic = what === 'report' ? reportTopic(lockId) : replyTopic(lockId);
      sender.publish(topic, payload, { qos: 1 }, (error) => {
        if (!error && sender === client) done?.();
      });
    },
    lose() {
      wanted = false;
      clearTimeout(timer);
      const lost = client;
      gone();
      lost?.stream.destroy();
    },
    restore() {
      if (wanted) return;
      wanted = true;
      dial();
    },
    async close() {
      wanted = false;
      clearTimeout(timer);
      const closing = client;
      if (closing) await closing.endAsync(!closing.connected).catch(() => undefined);
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
