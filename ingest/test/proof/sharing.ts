import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { type Intake, startIntake } from '../../src/intake/intake.ts';
import { ClaimedSlots } from '../../src/postgres/claimed-slots.ts';
import { createPool } from '../../src/postgres/database.ts';
import { deleteMember } from '../../src/postgres/members.ts';
import { Membership } from '../../src/postgres/membership.ts';
import { holdOn } from '../../src/postgres/queryable.ts';
import type { TestDatabase } from '../database.ts';
import type { Sending } from './journey.ts';

/** A worker that shares the fleet with others, in this process: a membership, slots and an intake of its own. */
export interface Sharing {
  readonly name: string;
  readonly intake: Intake;
  readonly slots: ClaimedSlots;
  /** What it has logged. */
  readonly lines: readonly string[];
  /** How many trips it follows. */
  trips(): Promise<number | undefined>;
  /** Hands its slots over while it runs, then stops. */
  leave(): Promise<void>;
  /** As another member ends one that it finds dead; this one does not know it, and goes on until it is told to stop. */
  end(): Promise<void>;
  stop(): Promise<void>;
}

let serial = 0;

/** @param nowMs the clock by which silence is judged, epoch ms */
export async function startSharing(db: TestDatabase, nowMs: () => number = Date.now): Promise<Sharing> {
  const name = `worker ${++serial}`;
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const self = { name, version: '1', connections: name, webhookKey: 'k' };
  const membership = await Membership.join({ url: db.url, log, self, alone: false, shares: true });
  membership.present(['worker']);
  const pool = createPool({ connectionString: db.url }, log, { max: 4, name });
  holdOn(pool, membership.hold);
  const slots = await ClaimedSlots.claim({ pool, membership, log });
  const registry = new Registry();
  const every = { livenessEveryMs: 0, toJudgeEveryMs: 50 };
  const intake = await startIntake({ pool, registry, log, slots, nowMs, ...every });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= (async () => {
      await intake.stop(2_000);
      await slots.stop();
      await membership.leave();
      await pool.end();
    })();
    return stopped;
  };
  return {
    name,
    intake,
    slots,
    lines,
    trips: async () => (await registry.getSingleMetric('sealwatch_intake_trips')?.get())?.values[0]?.value,
    async leave() {
      await slots.releaseAll();
      await stop();
    },
    end: async () => void (await deleteMember(db.pool, membership.memberId)),
    stop,
  };
}

const WINDOW = 4;
const PAUSE_MS = 10;

/** A lock behind a gateway that does not know who owns what: it asks one worker, and the next where that one refuses. */
export class Sender {
  readonly lockId: string;
  readonly log: Sending[] = [];
  /** How often a worker said that another one admits this lock. */
  moved = 0;
  readonly #workers: () => readonly Sharing[];
  #todo: Sending[] = [];
  #at = 0;
  #nowMs = 0;
  #stopped = false;

  constructor(lockId: string, workers: () => readonly Sharing[]) {
    this.lockId = lockId;
    this.#workers = workers;
    void this.#run();
  }

  get waiting(): number {
    return this.#todo.length;
  }

  add(...sendings: Sending[]): void {
    this.#todo.push(...sendings);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const some = this.#todo.slice(0, WINDOW);
      const workers = this.#workers();
      const worker = workers[this.#at % workers.length];
      if (!worker || some.length === 0) {
        await sleep(2);
        continue;
      }
      const answers = await Promise.all(some.map((sending) => this.#send(worker, sending)));
      const taken = new Set(some.filter((_, i) => answers[i] === undefined));
      this.log.push(...taken);
      this.#todo = this.#todo.filter((sending) => !taken.has(sending));
      await sleep(PAUSE_MS);
      if (taken.size === some.length) continue;
      if (answers.some((error) => error?.name === 'MovedError')) this.moved += 1;
      this.#at += 1;
    }
  }

  /** Received a second after the newest record that the lock has made by then: a clock that goes as the journey does. */
  #send({ intake }: Sharing, { payload, records }: Sending): Promise<Error | undefined> {
    this.#nowMs = Math.max(this.#nowMs, ...records.map(({ time }) => Date.parse(time) + 1_000));
    return new Promise((resolve) => intake.receive(this.lockId, Buffer.from(payload), resolve, this.#nowMs));
  }
}

/**
 * From now on the database writes down who commits for a slot that is not its own, inside that very COMMIT, and which trips
 * were asked for because late records of them were another worker's.
 * @param isWorker whether `who`, the name of the connection, is a worker's, in SQL
 */
export async function watchCommits(db: TestDatabase, isWorker = `who LIKE 'worker %'`): Promise<void> {
  await db.pool.query(`
    CREATE TABLE wrong_commits (what text, slot int, who text, owner text);
    CREATE TABLE strays (trip_id uuid);
    CREATE FUNCTION check_owner(what text, of_slot int) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE who text := current_setting('application_name'); owner text;
    BEGIN
      IF NOT (${isWorker}) THEN RETURN; END IF;
      SELECT m.connections INTO owner FROM slots s LEFT JOIN members m USING (member_id) WHERE s.slot = of_slot;
      IF owner IS DISTINCT FROM who THEN INSERT INTO wrong_commits VALUES (what, of_slot, who, owner); END IF;
    END $$;
    CREATE FUNCTION check_lock() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM check_owner('lock', NEW.slot); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER check_lock AFTER UPDATE OF max_seq ON locks DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION check_lock();
    CREATE FUNCTION check_report() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM check_owner('report', (SELECT slot FROM locks WHERE lock_no = NEW.lock_no)); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER check_report AFTER INSERT ON reports DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION check_report();
    CREATE FUNCTION check_trip() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM check_owner('trip', NEW.slot); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER check_trip AFTER UPDATE OF done_m ON trips DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION check_trip();
    CREATE FUNCTION check_alarm() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM check_owner('alarm', (SELECT slot FROM trips WHERE trip_id = NEW.trip_id)); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER check_alarm AFTER INSERT OR UPDATE ON alarms DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION check_alarm();
    CREATE FUNCTION note_stray() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO strays VALUES (NEW.trip_id); RETURN NULL; END $$;
    CREATE TRIGGER note_stray AFTER INSERT OR UPDATE ON to_judge FOR EACH ROW WHEN (NEW.late)
      EXECUTE FUNCTION note_stray();`);
}
