import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Alarm, SnapshotMessage } from '@sealwatch/schemas';
import { pino } from 'pino';
import { io, type Socket } from 'socket.io-client';
import type { Bus } from '../../src/bus/bus.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { type ClusterNode, type NodeRole, startNode } from '../../src/node.ts';
import { deleteMember } from '../../src/postgres/members.ts';
import { type MemoryBus, MemoryNet } from '../bus/memory-bus.ts';
import type { TestDatabase } from '../database.ts';

const KEY = 'bootstrap-key-of-the-tests-0123456789';
/** Lost publishes are sent again after so long: as good as 5 s, and sooner over. */
const ANSWER_WITHIN_MS = 500;

export interface Member extends ClusterNode {
  bus: MemoryBus;
}

/** Gateways, workers and API nodes in this process, on one database and one bus that the test disturbs. */
export class Cluster {
  readonly net = new MemoryNet();
  readonly lines: string[] = [];
  readonly #db: TestDatabase;
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'sealwatch-cluster-'));
  readonly #through: (bus: Bus) => Bus;
  members: Member[] = [];
  ended: Member[] = [];

  /** @param through what stands between the nodes and the bus */
  constructor(db: TestDatabase, through: (bus: Bus) => Bus = (bus) => bus) {
    this.#db = db;
    this.#through = through;
  }

  of(role: NodeRole): Member[] {
    return this.members.filter(({ roles }) => roles.includes(role));
  }

  /** Of each member, and of a platform beside them. */
  config(): Config {
    return readConfig({
      SEALWATCH_HTTP_PORT: '0',
      SEALWATCH_MQTT_PORT: '0',
      SEALWATCH_DATA_DIR: this.#dataDir,
      SEALWATCH_BOOTSTRAP_KEY: KEY,
      SEALWATCH_WEBHOOK_KEY: Buffer.alloc(32, 7).toString('base64'),
      SEALWATCH_WEBHOOK_NETWORKS: '127.0.0.0/8',
      DATABASE_URL: this.#db.url,
    });
  }

  async start(...roles: NodeRole[]): Promise<Member> {
    let bus: MemoryBus | undefined;
    const node = await startNode(this.config(), roles, {
      log: pino({ level: 'info' }, { write: (line: string) => void this.lines.push(line) }),
      answerWithinMs: ANSWER_WITHIN_MS,
      connectBus: async (memberId) => {
        bus = this.net.join(memberId);
        return this.#through(bus);
      },
    });
    const member = Object.assign(node, { bus: bus! });
    this.members.push(member);
    return member;
  }

  /** Hands over and ends. */
  async leave(member: Member): Promise<void> {
    this.#take(member);
    await member.stop();
  }

  /** The others find it dead: whatever it does from now on, nothing of it is committed. */
  async end(member: Member): Promise<void> {
    this.#take(member);
    await deleteMember(this.#db.pool, member.memberId);
  }

  #take(member: Member): void {
    this.members = this.members.filter((other) => other !== member);
    this.ended.push(member);
  }

  async stop(): Promise<void> {
    for (const member of [...this.ended, ...this.members]) await member.stop();
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}

export const portOf = ({ mqtt }: Member): number => Number(new URL(mqtt ?? '').port);

/** Asks one API node. @throws where it answers with an error */
export async function ask(
  member: Member,
  method: string,
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${member.http}/api/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${KEY}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  if (response.status >= 300) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

/** The alarms that a screen shows, connected to one API node from the beginning. */
export class Screen {
  readonly alarms = new Set<string>();
  snapshots = 0;
  readonly #socket: Socket;

  constructor(member: Member) {
    this.#socket = io(`${member.http}/live`, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      extraHeaders: { authorization: `Bearer ${KEY}` },
    });
    this.#socket.on('snapshot', ({ alarms }: SnapshotMessage) => {
      this.snapshots++;
      this.alarms.clear();
      for (const alarm of alarms) this.#put(alarm);
    });
    this.#socket.on('alarm', ({ alarm }: { alarm: Alarm }) => this.#put(alarm));
  }

  #put({ alarmId, active }: Alarm): void {
    if (active) this.alarms.add(alarmId);
    else this.alarms.delete(alarmId);
  }

  close(): void {
    this.#socket.disconnect();
  }
}
