import type { FeedHealth, FeedPassage, FeedStats, Session } from '@sealwatch/schemas';
import { type InjectionKey, inject, type Ref, ref, type ShallowRef, shallowRef } from 'vue';
import { type Board, emptyBoard } from '../feed/board.ts';
import { type Change, connectFeed } from '../feed/client.ts';
import { Fleet } from '../map/fleet.ts';
import * as rest from '../rest.ts';
import { createSiren, type Siren } from '../sound.ts';
import { type AlarmActs, createAlarmActs } from './alarm-acts.ts';
import { type AlarmList, createAlarmList } from './alarm-list.ts';
import { type Connection, watchConnection } from './connection.ts';
import { createTripLookup, type TripLookup } from './trip-lookup.ts';

/** What the panels of the wall read. Positions are not here: they are in the fleet and go to the GPU. */
export interface Wall
  extends Omit<Connection, 'linkChanged' | 'close'>,
    Omit<AlarmList, 'refresh'>,
    Omit<TripLookup, 'replaced' | 'changed' | 'close'>,
    AlarmActs {
  fleet: Fleet;
  stats: ShallowRef<FeedStats | undefined>;
  health: ShallowRef<FeedHealth>;
  passages: ShallowRef<FeedPassage[]>;
  selectedTrip: Ref<string | undefined>;
  selectedAlarm: Ref<string | undefined>;
  soundOn: Ref<boolean>;
  person: ShallowRef<Session | undefined>;
  /** The trip of the truck drawn in a slot. */
  tripOfSlot(slot: number): string | undefined;
  slotOfTrip(tripId: string): number | undefined;
  toggleSound(): void;
  close(): void;
}

export const WALL: InjectionKey<Wall> = Symbol('wall');

/** @throws Error outside the wall's components */
export function useWall(): Wall {
  const wall = inject(WALL);
  if (!wall) throw new Error('useWall() outside the wall');
  return wall;
}

export interface WallOptions {
  signedOut: () => void;
  texts: { refused: string; unreachable: string };
}

export function createWall(options: WallOptions): Wall {
  const board = emptyBoard();
  const fleet = new Fleet(performance.now());
  const siren = createSiren();
  const connection = watchConnection(() => board.health);
  const alarmList = createAlarmList(board, siren);
  const trips = createTripLookup(board);
  const figures = boardFigures(board);
  const session = createSession(options.signedOut);
  const acts = createAlarmActs({
    ...options,
    board,
    operator: () => session.person.value?.name,
    changed: alarmList.refresh,
  });
  void session.read();
  const feed = connectFeed({
    board,
    fleet,
    changed: (change) => {
      if (change === 'snapshot' || change === 'alarm') alarmList.refresh();
      if (change === 'snapshot') trips.replaced();
      if (change === 'trip') trips.changed();
      figures.update(change);
    },
    linkChanged: connection.linkChanged,
    outdated: () => location.reload(),
    refused: async () => {
      await session.read();
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_AFTER_MS));
    },
  });
  return {
    ...connection,
    ...alarmList,
    ...trips,
    ...acts,
    ...figures,
    ...soundSwitch(siren),
    fleet,
    person: session.person,
    selectedTrip: ref(),
    selectedAlarm: ref(),
    tripOfSlot: (slot) => board.locks.get(slot)?.tripId,
    slotOfTrip: (tripId) => board.indexByTrip.get(tripId),
    close: () => {
      connection.close();
      trips.close();
      feed.close();
    },
  };
}

/** Pause before the next attempt after the platform has refused the connection. */
const RECONNECT_AFTER_MS = 5_000;

/** The parts of the board that panels show as they are. */
function boardFigures(board: Board) {
  const stats = shallowRef<FeedStats>();
  const health = shallowRef<FeedHealth>(board.health);
  const passages = shallowRef<FeedPassage[]>([]);
  return {
    stats,
    health,
    passages,
    update: (change: Change) => {
      if (change === 'snapshot' || change === 'passage') passages.value = board.passages;
      if (change === 'snapshot' || change === 'stats') stats.value = board.stats;
      if (change === 'stats') health.value = board.health;
    },
  };
}

function createSession(signedOut: () => void) {
  const person = shallowRef<Session>();
  return {
    person,
    /** Never resolves if nobody is signed in: the page is left for the sign-in page. */
    read: async () => {
      try {
        person.value = await rest.session();
      } catch (error) {
        if (error instanceof rest.Refused && error.status === 401) {
          signedOut();
          await new Promise<never>(() => {});
        }
      }
    },
  };
}

function soundSwitch(siren: Siren) {
  const soundOn = ref(false);
  return {
    soundOn,
    toggleSound: () => {
      if (siren.allowed) siren.mute();
      else siren.allow();
      soundOn.value = siren.allowed;
    },
  };
}
