import { Alarm, WALL_STATUS } from '@sealwatch/schemas';
import { z } from 'zod';
import type { Committed, Live, SeenReport } from '../ports.ts';
import { Numbered, type NumberedDeps } from './numbered.ts';

/** As the intake has taken it from its lock, whose words for the source of a position are kept. */
const SeenPosition = z.looseObject({ lon: z.number(), lat: z.number(), source: z.string() });

const CommittedMessage = z.object({
  reports: z.array(
    z.object({
      lockId: z.string(),
      tripId: z.string().optional(),
      wallStatus: z.enum(WALL_STATUS),
      report: z.object({
        lockId: z.string(),
        boot: z.number(),
        seq: z.number(),
        kind: z.string(),
        timeMs: z.number(),
        position: SeenPosition.optional(),
        battery: z.object({ percent: z.number().optional(), charging: z.boolean().optional() }).optional(),
      }),
    }),
  ),
  alarms: z.array(Alarm),
  tripIds: z.array(z.string()),
  inheriting: z.array(z.string()).optional(),
});

const seen = ({ lockId, boot, seq, kind, timeMs, position, battery }: SeenReport): SeenReport => ({
  lockId,
  boot,
  seq,
  kind,
  timeMs,
  position,
  battery,
});

/** The stream of what all workers commit. Followers of this process are called as in one process. */
export class BusLive implements Live {
  readonly #log: NumberedDeps['log'];
  readonly #numbered: Numbered;
  readonly #followers: ((committed: Committed) => void)[] = [];

  constructor(deps: Omit<NumberedDeps, 'topic'>) {
    this.#log = deps.log;
    this.#numbered = new Numbered({ ...deps, topic: 'live' });
  }

  publish(committed: Committed): void {
    for (const take of this.#followers) take(committed);
    const reports = committed.reports.map(({ report, ...rest }) => ({ ...rest, report: seen(report) }));
    this.#numbered.publish({ ...committed, reports });
  }

  /** At most one follower a process. */
  async follow(take: (committed: Committed) => void, onGap: () => void): Promise<void> {
    this.#followers.push(take);
    await this.#numbered.follow((body, from) => {
      const committed = CommittedMessage.safeParse(body);
      if (committed.success) {
        take(committed.data as Committed);
        return;
      }
      this.#log.warn(
        { from, issues: committed.error.issues.slice(0, 3) },
        'what a worker has committed cannot be read',
      );
      onGap();
    }, onGap);
  }

  stop(): void {
    this.#numbered.stop();
  }
}
