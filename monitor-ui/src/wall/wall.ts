import type { Alarm, FeedHealth, FeedPassage, FeedStats, Trip } from '@sealwatch/schemas';
import { type InjectionKey, inject, type Ref, ref, type ShallowRef, shallowRef } from 'vue';
import { byUrgency, isQuiet, isRed, isUnattended, loudness } from '../feed/alarm-order.ts';
import { emptyBoard } from '../feed/board.ts';
import { type Change, connectFeed } from '../feed/client.ts';
import { databaseDown, freshness, type Link } from '../feed/link.ts';
import { Fleet } from '../map/fleet.ts';
import * as rest from '../rest.ts';
import { createSiren } from '../sound.ts';

/** What the panels of the wall read. Positions are not here: they live in the fleet and go to the GPU. */
export interface Wall {
  fleet: Fleet;
  nowMs: Ref<number>;
  link: Ref<Link>;
  stale: Ref<boolean>;
  /** Since when the platform says that its database is down, client time; undefined: it is not. */
  downSinceMs: Ref<number | undefined>;
  stats: ShallowRef<FeedStats | undefined>;
  health: ShallowRef<FeedHealth>;
  alarms: ShallowRef<Alarm[]>;
  /** Reds nobody has taken, newest first. */
  unattended: ShallowRef<Alarm[]>;
  passages: ShallowRef<FeedPassage[]>;
  /** The red alarm that came last, once for each; for the camera and the card. */
  arrived: ShallowRef<Alarm | undefined>;
  selectedTrip: Ref<string | undefined>;
  selectedAlarm: Ref<string | undefined>;
  soundOn: Ref<boolean>;
  /** What the platform answered to the last act of the operator, where it refused. */
  complaint: Ref<string | undefined>;
  person: ShallowRef<rest.Session | undefined>;
  trip(tripId: string): Trip | undefined;
  /** The routes, each in the version they began with, of the trips on the wall. */
  routesUsed(): rest.RouteVersion[];
  /** The trip of the truck drawn in a slot. */
  tripOfSlot(slot: number): string | undefined;
  slotOfTrip(tripId: string): number | undefined;
  plate(alarm: Alarm): string;
  acknowledge(alarm: Alarm): Promise<void>;
  assign(alarm: Alarm): Promise<void>;
  toggleSound(): void;
  close(): void;
}

export const WALL: InjectionKey<Wall> = Symbol('wall');

export function useWall(): Wall {
  const wall = inject(WALL);
  if (!wall) throw new Error('useWall() outside the wall');
  return wall;
}

export interface WallOptions {
  signedOut: () => void;
  texts: { refused: string; unreachable: string };
}

/** Trips change by the hundred; the panels hear of it this often at most, ms. Alarms are told at once. */
const TELL_EVERY_MS = 250;

export function createWall(options: WallOptions): Wall {
  const board = emptyBoard();
  const fleet = new Fleet(performance.now());
  const siren = createSiren();
  const nowMs = ref(Date.now());
  const link = ref<Link>({ phase: 'connecting', attempt: 0 });
  const stale = ref(true);
  const downSinceMs = ref<number>();
  const stats = shallowRef<FeedStats>();
  const health = shallowRef<FeedHealth>(board.health);
  const alarms = shallowRef<Alarm[]>([]);
  const unattended = shallowRef<Alarm[]>([]);
  const passages = shallowRef<FeedPassage[]>([]);
  const arrived = shallowRef<Alarm>();
  const version = ref(0);
  const complaint = ref<string>();
  const person = shallowRef<rest.Session>();
  const soundOn = ref(false);
  /** Reds already seen, and how loudly, so that a snapshot or an update brings none into view or to the ear twice. */
  const seen = new Map<string, number>();

  /** The newest red that nobody has seen here yet comes into view, also one that stood before the wall was opened. */
  const showAlarms = () => {
    alarms.value = [...board.alarms.values()].sort(byUrgency);
    const reds = alarms.value.filter(isRed);
    unattended.value = reds.filter(isUnattended);
    const news = unattended.value.find((alarm) => !seen.has(alarm.alarmId));
    if (news) arrived.value = news;
    for (const alarm of reds) {
      const quiet = alarm.tripId !== undefined && isQuiet(board.trips.get(alarm.tripId), Date.now());
      const level = loudness(alarm);
      if (level > (seen.get(alarm.alarmId) ?? 0) && isUnattended(alarm) && !quiet) siren.red();
      seen.set(alarm.alarmId, level);
    }
    for (const id of seen.keys()) if (!board.alarms.has(id)) seen.delete(id);
  };
  const judgeFreshness = () => {
    downSinceMs.value = databaseDown(board.health) ? (downSinceMs.value ?? Date.now()) : undefined;
    stale.value = freshness(link.value, Date.now()) === 'stale' || downSinceMs.value !== undefined;
  };
  let telling: ReturnType<typeof setTimeout> | undefined;
  const tellSoon = () => {
    telling ??= setTimeout(() => {
      telling = undefined;
      version.value++;
    }, TELL_EVERY_MS);
  };
  const changed = (change: Change) => {
    if (change === 'snapshot') {
      showAlarms();
      passages.value = board.passages;
      stats.value = board.stats;
      version.value++;
    }
    if (change === 'alarm') showAlarms();
    if (change === 'passage') passages.value = board.passages;
    if (change === 'stats') {
      stats.value = board.stats;
      health.value = board.health;
    }
    if (change === 'trip') tellSoon();
  };
  const whoAmI = async () => {
    try {
      person.value = await rest.session();
    } catch (error) {
      if (error instanceof rest.Refused && error.status === 401) {
        options.signedOut();
        await new Promise<never>(() => {});
      }
    }
  };
  void whoAmI();
  const feed = connectFeed({
    board,
    fleet,
    changed,
    linkChanged: (next) => {
      link.value = next;
      judgeFreshness();
    },
    outdated: () => location.reload(),
    refused: async () => {
      await whoAmI();
      await new Promise((resolve) => setTimeout(resolve, 5_000));
    },
  });
  const clock = setInterval(() => {
    nowMs.value = Date.now();
    judgeFreshness();
  }, 1_000);
  const act = async (alarm: Alarm, call: () => Promise<Alarm>) => {
    try {
      const answer = await call();
      complaint.value = undefined;
      // The feed tells every screen; taking the answer here only spares this operator the wait for it.
      if (answer?.alarmId === alarm.alarmId && board.alarms.has(alarm.alarmId)) {
        board.alarms.set(alarm.alarmId, answer);
        showAlarms();
      }
    } catch (error) {
      if (error instanceof rest.Refused && error.status === 401) return options.signedOut();
      complaint.value =
        error instanceof rest.Refused ? `${options.texts.refused}: ${error.message}` : options.texts.unreachable;
    }
  };

  return {
    fleet,
    nowMs,
    link,
    stale,
    downSinceMs,
    stats,
    health,
    alarms,
    unattended,
    passages,
    arrived,
    selectedTrip: ref(),
    selectedAlarm: ref(),
    soundOn,
    complaint,
    person,
    trip: (tripId) => {
      void version.value;
      return board.trips.get(tripId);
    },
    routesUsed: () => {
      void version.value;
      const used = new Map<string, rest.RouteVersion>();
      for (const { routeId, routeVersion } of board.trips.values()) {
        used.set(rest.versionKey({ routeId, version: routeVersion }), { routeId, version: routeVersion });
      }
      return [...used.values()];
    },
    tripOfSlot: (slot) => board.locks.get(slot)?.tripId,
    slotOfTrip: (tripId) => board.indexByTrip.get(tripId),
    plate: (alarm) => {
      void version.value;
      const trip = alarm.tripId === undefined ? undefined : board.trips.get(alarm.tripId);
      return trip?.vehicle.tractorPlate ?? alarm.lockId;
    },
    acknowledge: (alarm) => act(alarm, () => rest.acknowledge(alarm.alarmId)),
    assign: (alarm) => act(alarm, () => rest.assign(alarm.alarmId, person.value?.name ?? '')),
    toggleSound: () => {
      if (siren.allowed) siren.mute();
      else siren.allow();
      soundOn.value = siren.allowed;
    },
    close: () => {
      clearInterval(clock);
      clearTimeout(telling);
      feed.close();
    },
  };
}
