import pg from 'pg';
import type { StoreLog } from './database.ts';
import { DatabaseStartError, errorCode, isLockRefusal } from './database-error.ts';
import { Deaths } from './deaths.ts';
import {
  beat,
  claim,
  deleteMember,
  endConnections,
  type Introduction,
  insertMember,
  listMembers,
  lockMember,
  lookAtServer,
  type MemberRow,
  presentMember,
} from './members.ts';
import { type Hold, isFenced } from './queryable.ts';
import { shareSessions } from './sessions.ts';

const LOOK_EVERY_MS = 300;
const BEAT_EVERY_MS = 1_000;
const ANSWER_WITHIN_MS = 2_000;
/** A transaction that is frozen open holds its member: its connections are ended first, and then waited for no longer. */
const LOCK_TIMEOUT = '1s';

export interface MembershipDeps {
  /** With the password in it. */
  url: string;
  log: StoreLog;
  self: Introduction;
  /** Nobody else can be active: the embedded server of the data folder that this process holds. */
  alone: boolean;
  /** It shares the fleet with other active members that do; absent: it is active alone. */
  shares?: boolean;
}

/** Why a platform may not go on. */
export type Fenced = 'a commit was refused' | 'its membership was ended' | 'the database has another timeline';

/**
 * This platform among those of its database. It stands by until it is made the active one, and is that until it leaves or
 * another one finds it dead. It looks and beats on a connection of its own, whose session lock its death frees.
 */
export class Membership {
  readonly memberId: number;
  readonly #deps: MembershipDeps;
  readonly #deaths = new Deaths();
  #client: pg.Client | undefined;
  #others: MemberRow[] = [];
  #isActive = false;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #left = false;
  #beatMs = Number.NEGATIVE_INFINITY;
  #server: { timeline?: string; startedMs: number };
  #outage: string | undefined;
  #fenced: Fenced | undefined;
  #onFenced: (why: Fenced) => void = () => undefined;
  #onActive: () => void = () => undefined;
  #roles: readonly string[] | undefined;
  #reasons: readonly string[] = [];
  /** What the others were told of roles and reasons last. */
  #presented: string | undefined;

  private constructor(
    deps: MembershipDeps,
    client: pg.Client,
    joined: { memberId: number; timeline?: string; ageMs: number },
  ) {
    this.#deps = deps;
    this.#client = client;
    this.memberId = joined.memberId;
    this.#server = { ...joined, startedMs: Date.now() - joined.ageMs };
  }

  /** @throws DatabaseStartError where session locks do not last, or the active platform has another key of webhooks */
  static async join(deps: MembershipDeps): Promise<Membership> {
    const client = await connect(deps);
    await requireOwnSession(deps, client);
    const server = await lookAtServer(client);
    const memberId = await insertMember(client, deps.self);
    const membership = new Membership(deps, client, { memberId, ...server });
    try {
      await lockMember(client, memberId);
      const rows = await listMembers(client);
      check(deps, memberId, rows);
      if (deps.alone) for (const row of rows) if (row.member_id !== memberId) await membership.#end(row, 'gone');
      await membership.#look();
      membership.#schedule();
      return membership;
    } catch (error) {
      await membership.leave();
      throw error;
    }
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  /** Why the database cannot be asked now; absent: it can. */
  get outage(): string | undefined {
    return this.#outage;
  }

  /** The other members, as last seen. */
  others(): readonly MemberRow[] {
    return this.#others;
  }

  /** Resolves once this member is the active one. @throws the signal's reason */
  async active(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isActive) return;
    await new Promise<void>((resolve, reject) => {
      this.#onActive = resolve;
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
  }

  /** From the next look on the others know what this member does. The schema has to be up to date. */
  present(roles: readonly string[]): void {
    this.#roles = roles;
  }

  /** From the next look on the others know why this member cannot do what it is for; empty: it can. */
  explain(reasons: readonly string[]): void {
    this.#reasons = reasons;
  }

  /** Called once, also where it has happened already. What is in memory counts no longer: the process is to end. */
  onFenced(listener: (why: Fenced) => void): void {
    this.#onFenced = listener;
    if (this.#fenced !== undefined) listener(this.#fenced);
  }

  /** The first statement of every transaction that only the active one may commit. */
  readonly hold: Hold = async (db) => {
    try {
      return await db.query({ name: 'hold-member', text: 'SELECT hold_member($1)', values: [this.memberId] });
    } catch (error) {
      if (isFenced(error)) this.#fence('a commit was refused');
      throw error;
    }
  };

  /** Hands over at once; waits for the transactions in hand, for two seconds at most. */
  async leave(): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    clearTimeout(this.#timer);
    await this.#turn;
    const client = this.#client;
    if (client === undefined) return;
    if (this.#fenced === undefined)
      await deleteMember(client, this.memberId).catch((error) =>
        this.#deps.log.warn({ err: error }, 'could not leave the other platforms; they will find this one gone'),
      );
    await this.#drop();
  }

  #fence(why: Fenced): void {
    if (this.#fenced !== undefined || this.#left) return;
    this.#fenced = why;
    this.#isActive = false;
    clearTimeout(this.#timer);
    this.#onFenced(why);
  }

  #schedule(): void {
    if (this.#left || this.#fenced !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#turn = this.#once().finally(() => this.#schedule());
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async #once(): Promise<void> {
    try {
      await this.#reconnect();
      await this.#look();
      if (this.#outage !== undefined) this.#deps.log.info({}, 'this platform sees the others again');
      this.#outage = undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#outage === undefined) this.#deps.log.warn({ err: error }, 'this platform does not see the others');
      this.#outage = reason;
      await this.#drop();
    }
  }

  async #drop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#deaths.disturbed(Date.now());
    // One that hangs is ended by the server, or with the process.
    void client?.end().catch(() => undefined);
  }

  async #reconnect(): Promise<void> {
    if (this.#client !== undefined) return;
    const client = await connect(this.#deps);
    this.#client = client;
    const { timeline, ageMs } = await lookAtServer(client);
    const before = this.#server.timeline;
    if (timeline !== before && timeline !== undefined && before !== undefined)
      return this.#fence('the database has another timeline');
    this.#server = { ...this.#server, startedMs: Date.now() - ageMs };
    // The server may not have noticed that the connection before is dead, and that one holds the lock.
    await endConnections(client, nameOf(this.#deps.self));
    await lockMember(client, this.memberId);
    this.#deaths.disturbed(Date.now());
  }

  async #look(): Promise<void> {
    const client = this.#client;
    if (client === undefined || this.#fenced !== undefined) return;
    const nowMs = Date.now();
    if (Math.abs(nowMs - this.#beatMs) >= BEAT_EVERY_MS) {
      await beat(client, this.memberId, nowMs);
      this.#beatMs = nowMs;
    }
    await this.#present(client);
    const rows = await listMembers(client);
    const own = rows.find((row) => row.member_id === this.memberId);
    if (own === undefined) return this.#fence('its membership was ended');
    const others = rows.filter((row) => row !== own);
    const seen = others.map((row) => ({ memberId: row.member_id, locked: row.locked, beatAgeMs: row.beat_age_ms }));
    const deaths = this.#deaths.look(seen, { nowMs, serverAgeMs: nowMs - this.#server.startedMs });
    const ended = new Set<number>();
    for (const { memberId, why } of deaths) {
      const dead = others.find((row) => row.member_id === memberId);
      if (dead && (await this.#end(dead, why))) ended.add(memberId);
    }
    this.#others = others.filter((row) => !ended.has(row.member_id));
    const shares = this.#deps.shares ?? false;
    if (!this.#isActive && (shares || !this.#others.some((row) => row.active))) await this.#claim(client, shares);
  }

  async #present(client: pg.Client): Promise<void> {
    if (this.#roles === undefined) return;
    const now = { roles: [...this.#roles], reasons: [...this.#reasons] };
    const text = JSON.stringify(now);
    if (text === this.#presented) return;
    await presentMember(client, this.memberId, now);
    this.#presented = text;
  }

  async #claim(client: pg.Client, shares: boolean): Promise<void> {
    if (!(await claim(client, this.memberId, shares))) return;
    this.#isActive = true;
    this.#onActive();
  }

  /**
   * Ends its connections first: a transaction that is frozen open would be waited for.
   * @returns false where one is held open nevertheless; the next look tries again
   */
  async #end({ member_id: memberId, name, active: wasActive, connections }: MemberRow, why: string): Promise<boolean> {
    const { log } = this.#deps;
    const client = this.#client;
    if (client === undefined) return false;
    const told = { memberId, name, wasActive, why };
    const ended = await endConnections(client, connections).catch((error) => {
      // 42501: it runs under another role
      if (errorCode(error) !== '42501') throw error;
      log.warn({ ...told, err: error }, 'connections of a dead platform may not be ended by this role');
      return 0;
    });
    try {
      await deleteMember(client, memberId);
      log.warn({ ...told, connections: ended }, 'a platform is dead and may write no more');
      return true;
    } catch (error) {
      if (!isLockRefusal(error)) throw error;
      log.warn({ ...told, err: error }, 'the last transaction of a dead platform is waited for');
      return false;
    }
  }
}

const pooled = () =>
  new DatabaseStartError(
    'pooled',
    'The database forgets session locks between two statements; a pooler like PgBouncer in transaction mode does that.',
    'Point DATABASE_URL at the server itself, or at a pooler in session mode.',
  );

/**
 * While a pooler is idle its sessions seem to last, so that a second connection has to be looked at.
 * @throws DatabaseStartError
 */
async function requireOwnSession(deps: MembershipDeps, client: pg.Client): Promise<void> {
  const second = await connect(deps);
  try {
    if (!(await shareSessions(client, second))) return;
  } finally {
    await second.end();
  }
  await client.end();
  throw pooled();
}

/** @throws DatabaseStartError */
function check({ self, alone }: MembershipDeps, memberId: number, rows: MemberRow[]): void {
  if (!rows.some((row) => row.member_id === memberId && row.locked)) throw pooled();
  const other = rows.find((row) => row.active && row.locked && row.webhook_key !== self.webhookKey);
  if (other === undefined || alone) return;
  throw new DatabaseStartError(
    'another-webhook-key',
    `The active platform, ${other.name}, has another key of webhooks than this one, which could not sign for its subscriptions.`,
    'Give both the same SEALWATCH_WEBHOOK_KEY, or copy webhooks.key from its data folder (SEALWATCH_DATA_DIR) into that of this one, and start again.',
  );
}

const nameOf = ({ connections }: Introduction) => `${connections} member`;

/** What is committed here need not be on the disk yet, nor on a standby of the database: what comes after it carries it. */
const SETTINGS = `SET synchronous_commit = off; SET lock_timeout = '${LOCK_TIMEOUT}'`;

async function connect({ url, self, log }: MembershipDeps): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: nameOf(self),
    connectionTimeoutMillis: ANSWER_WITHIN_MS,
    query_timeout: ANSWER_WITHIN_MS,
    keepAlive: true,
  });
  // The next look finds it lost; without a listener it would end the process.
  client.on('error', (error) => log.info({ err: error }, 'the connection to the other platforms was lost'));
  try {
    await client.connect();
    await client.query(SETTINGS);
    return client;
  } catch (error) {
    void client.end().catch(() => undefined);
    throw error;
  }
}
