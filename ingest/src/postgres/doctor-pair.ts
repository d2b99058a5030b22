import type pg from 'pg';
import type { Finding } from './finding.ts';
import { listMembers, type MemberRow } from './members.ts';
import { shareSessions } from './sessions.ts';

/** What is acknowledged must survive; a second platform must be able to take over. What each promises: docs/availability.md. */

const nameOf = ({ name, version }: MemberRow): string => `${name} (${version})`;

function platforms(members: MemberRow[]): Finding {
  const part = 'pair.platforms';
  const active = members.find((member) => member.active && member.locked);
  const waiting = members.filter((member) => !member.active && member.locked);
  if (active === undefined) return { part, state: 'ok', text: 'none runs on this database' };
  const beside = waiting.length === 0 ? 'none stands by' : `${waiting.map(nameOf).join(', ')} stands by`;
  return { part, state: 'ok', text: `${nameOf(active)} is active, ${beside}` };
}

/** What each member does, and why it cannot. */
function cluster(nodes: MemberRow[], owned: ReadonlyMap<number | null, number>): Finding[] {
  const part = 'cluster.members';
  const told = nodes.map((node) => {
    const slots = node.roles.includes('worker') ? `, ${owned.get(node.member_id) ?? 0} of 256 slots` : '';
    return `${nameOf(node)}: ${node.roles.join(' + ')}${slots}${node.reasons.length > 0 ? `, cannot: ${node.reasons.join('; ')}` : ''}`;
  });
  const unfit = nodes.filter(({ reasons }) => reasons.length > 0);
  const all = told.join('. ');
  const unowned = owned.get(null) ?? 0;
  const missing = ['gateway', 'worker', 'api'].filter((role) => !nodes.some(({ roles }) => roles.includes(role)));
  if (missing.length > 0 || unowned > 0) {
    const why = [
      ...missing.map((role) => `no ${role} runs`),
      ...(unowned > 0 ? [`${unowned} slots are owned by nobody: their locks are not acknowledged`] : []),
    ].join('; ');
    const hint =
      'Start what is missing; where workers run, look at why they cannot (RabbitMQ?) and ask again in some seconds.';
    return [{ part, state: 'problem', text: `${why}. ${all}`, hint }];
  }
  if (unfit.length > 0)
    return [{ part, state: 'warning', text: all, hint: 'Look at the log of the member that cannot.' }];
  return [{ part, state: 'ok', text: all }];
}

async function ownedSlots(pool: pg.Pool): Promise<Map<number | null, number>> {
  const { rows } = await pool.query<{ member_id: number | null; n: number }>(
    'SELECT member_id, count(*)::int AS n FROM slots GROUP BY member_id',
  );
  return new Map(rows.map(({ member_id, n }) => [member_id, n]));
}

function versions(members: MemberRow[]): Finding[] {
  const all = [...new Set(members.map(({ version }) => version))].sort();
  if (all.length < 2) return [];
  const hint = 'Update both: first the one that stands by, then stop the active one and update it.';
  return [{ part: 'pair.versions', state: 'warning', text: `platforms of ${all.join(' and ')} run together`, hint }];
}

function webhookKeys(members: MemberRow[]): Finding[] {
  if (new Set(members.map(({ webhook_key }) => webhook_key)).size < 2) return [];
  const text =
    'the platforms have different keys (SEALWATCH_WEBHOOK_KEY, or webhooks.key): after a takeover no subscription can be signed';
  const hint =
    'Give the other one the key of the active one: SEALWATCH_WEBHOOK_KEY, or webhooks.key of its data folder. Start it again.';
  return [{ part: 'pair.webhook-key', state: 'problem', text, hint }];
}

const SKEW_MS = 1_000;

/** Times of receipt come from the platform's clock: after a takeover they must go on, not step back. */
async function clocks(pool: pg.Pool, members: MemberRow[]): Promise<Finding> {
  const sentMs = Date.now();
  const { rows } = await pool.query<{ ms: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
  );
  const tookMs = Date.now() - sentMs;
  const aheadMs = sentMs + tookMs / 2 - rows[0]!.ms;
  // What the way to the database may explain is no skew.
  const ownMs = Math.sign(aheadMs) * Math.max(0, Math.abs(aheadMs) - tookMs / 2);
  const known = [
    { name: 'this machine', ms: ownMs },
    ...members.map(({ name, clock_ahead_ms }) => ({ name, ms: clock_ahead_ms })),
  ];
  const skewed = known.filter(({ ms }) => Math.abs(ms) > SKEW_MS);
  const part = 'clocks';
  if (skewed.length === 0) return { part, state: 'ok', text: 'within a second of the database’s clock' };
  const told = skewed.map(({ name, ms }) => `${name} ${(ms / 1_000).toFixed(1)} s`).join(', ');
  const hint = 'Set the clocks by NTP (e.g. chrony) on the machines of the platforms and of the database.';
  return { part, state: 'warning', text: `ahead of the database’s clock (minus: behind): ${told}`, hint };
}

interface Replication {
  names: string;
  level: string;
  /** Standbys that are connected, and those of them that a COMMIT waits for. */
  standbys: number;
  synchronous: number;
}

/** Whether a COMMIT waits until a second machine has it. */
async function replication(pool: pg.Pool, isPair: boolean): Promise<Finding> {
  const part = 'database.replication';
  const { rows } = await pool.query<Replication>(
    `SELECT current_setting('synchronous_standby_names') AS names, current_setting('synchronous_commit') AS level,
       count(*) AS standbys, count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) AS synchronous
     FROM pg_stat_replication`,
  );
  const { names, level, standbys, synchronous } = rows[0]!;
  if (names === '') {
    const text =
      'no synchronous standby: what is acknowledged survives the end of a process, not the loss of the database’s disk';
    const hint = 'Set up a standby and synchronous_standby_names: docs/availability.md.';
    return isPair ? { part, state: 'warning', text, hint } : { part, state: 'ok', text };
  }
  if (level !== 'on' && level !== 'remote_apply') {
    const text = `synchronous_commit is ${level}: a COMMIT does not wait until the standby has it on its disk`;
    return { part, state: 'problem', text, hint: 'Set synchronous_commit = on on the server and reload it.' };
  }
  if (synchronous > 0)
    return {
      part,
      state: 'ok',
      text: `what is acknowledged is on ${synchronous + 1} machines (${synchronous} synchronous)`,
    };
  if (standbys > 0) {
    const text = 'standbys are connected, and this role may not see whether one is synchronous';
    return { part, state: 'warning', text, hint: 'GRANT pg_read_all_stats to the role of DATABASE_URL.' };
  }
  const text = `no standby of synchronous_standby_names (${names}) is connected: no COMMIT ends, and nothing is acknowledged`;
  const hint = 'Start the standby; or, to go on without it, empty synchronous_standby_names and reload the server.';
  return { part, state: 'problem', text, hint };
}

/** A pooler in transaction mode gives one server connection to several clients in turn, and session locks with it. */
async function pooler(pool: pg.Pool): Promise<Finding> {
  const part = 'database.sessions';
  const [first, second] = [await pool.connect(), await pool.connect()];
  try {
    if (!(await shareSessions(first, second)))
      return { part, state: 'ok', text: 'each connection has a session of its own' };
  } finally {
    first.release();
    second.release();
  }
  const text =
    'connections share sessions, as behind PgBouncer in transaction mode: the platforms cannot see each other';
  const hint = 'Point DATABASE_URL at the server itself, or at a pooler in session mode.';
  return { part, state: 'problem', text, hint };
}

/** Looks at the platforms of this database and at what a takeover, or the loss of a machine, would cost. */
export async function checkPair(pool: pg.Pool): Promise<Finding[]> {
  const members = await listMembers(pool);
  const nodes = members.filter(({ roles, locked }) => locked && roles.length > 0);
  const isPair = members.filter(({ locked }) => locked).length > 1;
  return [
    ...(nodes.length > 0 ? cluster(nodes, await ownedSlots(pool)) : [platforms(members)]),
    ...versions(members),
    ...webhookKeys(members),
    await clocks(pool, members),
    await replication(pool, isPair),
    await pooler(pool),
  ];
}
