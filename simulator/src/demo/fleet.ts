import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Control } from '../control.ts';
import type { Link } from '../link.ts';
import { openLink } from '../link.ts';
import type { LockInput, LockOutput } from '../lock/input-output.ts';
import type { Path } from '../path.ts';
import { nearest } from '../path.ts';
import type { Progress } from '../progress.ts';
import { randomStream } from '../random.ts';
import type { Rest } from '../rest.ts';
import { connectRest, InterfaceError, untilReady } from '../rest.ts';
import type { FleetSpec } from '../state-file.ts';
import { saveFleet } from '../state-file.ts';
import { EVENT_AFTER_START_MS, rampDrive } from './drives.ts';
import { interfere, truthOf, wayOf } from './interfering.ts';
import { cancelTrip, putRoad } from './platform.ts';
import { loadRoad } from './road.ts';
import type { Round } from './round.ts';
import { advanceSafely } from './round.ts';
import type { FleetStart } from './start.ts';
import { startLocks, startTrips } from './start.ts';
import type { Truck } from './truck.ts';
import {
  driveOf,
  feed,
  goLive,
  keysOf,
  LIVE_INTERVAL_S,
  motionOf,
  payloadOf,
  setDrives,
  storeKeys,
  tick,
} from './truck.ts';

export interface DemoOptions {
  http: string;
  mqtt: string;
  key: string;
  locks: number;
  seed?: number;
  state: string;
  /** cancels the trips at the end, so that no trip stays on the wall */
  tidy?: boolean;
  control?: Control;
}

const READY_WAIT_MS = 60_000;
const DISCONNECTED_AFTER_MS = 60_000;
const TICK_MS = 250;
const SAVE_MS = 5_000;

/**
 * Runs the demo fleet until `stop`. Rejects with an InterfaceError if an interface refuses what the fleet needs.
 */
export async function runDemo(options: DemoOptions, progress: Progress, stop: AbortSignal): Promise<void> {
  // One listener per truck is no leak.
  setMaxListeners(0, stop);
  const startMs = Date.now();
  const rest = connectRest(options.http, options.key, stop);
  const road = loadRoad();
  progress.info('waiting for the platform', { http: options.http });
  await untilReady(options.http, READY_WAIT_MS, stop);
  if (stop.aborted) return;
  await putRoad(rest, road);
  progress.info('route and places set');
  const start: FleetStart = { rest, road, progress, stop, startMs };
  const fleet = await startLocks(start, options.state, options.locks, options.seed);
  // The raised boot numbers must be on disk before any record carries them.
  saveFleet(options.state, fleet);
  const trucks = await startTrips(start, fleet);
  saveFleet(options.state, fleet);
  await live({ options, rest, road, progress, stop, startMs, fleet, trucks });
}

interface Live {
  options: DemoOptions;
  rest: Rest;
  road: Path;
  progress: Progress;
  stop: AbortSignal;
  startMs: number;
  fleet: FleetSpec;
  trucks: Truck[];
}

/** Every lock on its radio link, ticking, until stopped; the links are closed and the state saved in any case. */
async function live(run: Live): Promise<void> {
  const { progress, options, fleet } = run;
  progress.info('connecting locks', { locks: run.trucks.length, mqtt: options.mqtt });
  const failure = new AbortController();
  const phases = randomStream(fleet.seed, 'phases');
  const links = new Map<Truck, Link>();
  const timers: NodeJS.Timeout[] = [];
  try {
    for (const truck of run.trucks) {
      goLive(truck, Date.now(), phases.between(0, LIVE_INTERVAL_S * 1_000));
      links.set(truck, linkOf(run, truck, failure));
    }
    const connected = { lastMs: Date.now() };
    timers.push(setInterval(() => failIfDisconnected(run, connected, failure), 1_000));
    timers.push(setInterval(() => saveFleet(options.state, fleet), SAVE_MS));
    timers.push(setInterval(() => tickAll(run, links), TICK_MS));
    const backlog = setInterval(() => reportBacklog(run, backlog), 1_000);
    timers.push(backlog);
    const ramp = setInterval(() => sendDownRamp(run, ramp), 1_000);
    timers.push(ramp);
    if (options.control) timers.push(...underControl(run, links, options.control));
    await Promise.all([
      ...run.trucks.map((truck) => liveRound(run, truck, failure.signal)),
      aborted(AbortSignal.any([run.stop, failure.signal])),
    ]);
  } finally {
    for (const timer of timers) clearInterval(timer);
    progress.info('stopping');
    await Promise.all([...links.values()].map((link) => link.close()));
    for (const truck of run.trucks) truck.spec.batteryPercent = truck.lock.batteryPercent;
    saveFleet(options.state, fleet);
    if (options.tidy) await cancelTrips(run);
  }
  if (failure.signal.aborted) throw failure.signal.reason;
}

const PUBLISH_EVERY_MS = 1_000;

/** Sends the parent process the true state of each truck, and carries out its injections. */
function underControl(run: Live, links: Map<Truck, Link>, control: Control): NodeJS.Timeout[] {
  const timers: NodeJS.Timeout[] = [];
  const input = (truck: Truck, one: LockInput) => {
    const link = links.get(truck);
    if (link) send(truck, link, feed(truck, Date.now(), one));
  };
  const cutOff = (truck: Truck, forMs: number) => {
    links.get(truck)?.lose();
    timers.push(setTimeout(() => links.get(truck)?.restore(), forMs));
  };
  const publish = () => {
    const now = Date.now();
    const locks = run.trucks.map((truck) => ({ ...truthOf(truck, run.road, now), way: wayOf(truck, now) }));
    const { seed } = run.fleet;
    control.publish({ scenario: 'demo', seed, phase: 'running', live: true, done: 0, of: locks.length, locks });
  };
  control.onInject(({ lockId, what }) => {
    const truck = run.trucks.find((one) => one.spec.lockId === lockId);
    if (!truck) return `this fleet has no lock ${lockId}`;
    const refused = interfere({ road: run.road, input, cutOff }, truck, what, Date.now());
    saveFleet(run.options.state, run.fleet);
    publish();
    return refused;
  });
  publish();
  timers.push(setInterval(publish, PUBLISH_EVERY_MS));
  return timers;
}

async function cancelTrips(run: Live): Promise<void> {
  // The run's own signal is aborted already, and these calls must still be made.
  const rest = connectRest(run.options.http, run.options.key, AbortSignal.timeout(TIDY_MS));
  for (const { spec } of run.trucks) {
    if (!spec.trip) continue;
    await cancelTrip(rest, spec.trip.tripId).catch(() => undefined);
  }
}

const TIDY_MS = 10_000;

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A pause that ends early when stopped. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

function linkOf(run: Live, truck: Truck, failure: AbortController): Link {
  const jitter = randomStream(run.fleet.seed, `${truck.spec.lockId}/link`);
  const input = (one: LockInput) => send(truck, link, feed(truck, Date.now(), one));
  const link = openLink(
    run.options.mqtt,
    truck.spec.lockId,
    keysOf(truck),
    {
      connected: () => input({ type: 'connected' }),
      disconnected: () => input({ type: 'disconnected' }),
      command: (command) => input({ type: 'command', command }),
      keys: (keys) => {
        storeKeys(truck, keys);
        saveFleet(run.options.state, run.fleet);
      },
      refused: (error) => failure.abort(error),
    },
    jitter.unit,
  );
  return link;
}

/** Publishes a lock's outputs; an acknowledgement may cause further outputs. */
function send(truck: Truck, link: Link, outputs: readonly LockOutput[]): void {
  for (const output of outputs) {
    if (output.type === 'reply') link.publish('reply', JSON.stringify(output.reply));
    else if (output.type === 'secret') link.offer(output.secret);
    else if (output.type === 'sign-in') link.signInAgain();
    else if (output.type === 'restart') {
      truck.spec.boot = truck.lock.boot;
      link.lose();
      link.restore();
    } else {
      const { flight, reports } = output;
      link.publish('report', payloadOf(reports), () => {
        send(truck, link, feed(truck, Date.now(), { type: 'acknowledged', flight }));
      });
    }
  }
}

function tickAll(run: Live, links: Map<Truck, Link>): void {
  const now = Date.now();
  for (const truck of run.trucks) {
    // On its way back to Yiwu a lock lies in a bag: switched off, no reports.
    if (truck.phase === 'returning' || truck.phase === 'idle') continue;
    const link = links.get(truck);
    if (link) send(truck, link, tick(truck, now));
  }
}

/** Ends the fleet if no lock has been connected for DISCONNECTED_AFTER_MS. */
function failIfDisconnected(run: Live, connected: { lastMs: number }, failure: AbortController): void {
  const now = Date.now();
  if (run.trucks.some((truck) => truck.lock.connected)) connected.lastMs = now;
  if (now - connected.lastMs < DISCONNECTED_AFTER_MS) return;
  failure.abort(
    new InterfaceError(`MQTT ${run.options.mqtt}`, `no lock was connected for ${DISCONNECTED_AFTER_MS / 1_000} s`),
  );
}

function reportBacklog(run: Live, timer: NodeJS.Timeout): void {
  const waiting = run.trucks.filter((truck) => truck.lock.flash.length > 3);
  const records = waiting.reduce((sum, truck) => sum + truck.lock.flash.length, 0);
  if (waiting.length > 0) {
    run.progress.info('back-filling earlier tracks', { locksWaiting: waiting.length, recordsLeft: records });
    return;
  }
  clearInterval(timer);
  run.progress.info('live: every lock reports at its interval', {
    locks: run.trucks.length,
    intervalS: LIVE_INTERVAL_S,
  });
}

const RAMP_LEAD_MS = 14_000;

/** Once in a run, one truck in the middle of the road leaves it by a ramp. */
function sendDownRamp(run: Live, timer: NodeJS.Timeout): void {
  const now = Date.now();
  if (now + RAMP_LEAD_MS < run.startMs + EVENT_AFTER_START_MS.rampMs) return;
  const driving = run.trucks.filter((truck) => truck.phase === 'driving' && truck.lock.connected);
  if (driving.length === 0) return;
  const offRoad = driving.some((truck) => nearest(run.road, motionOf(truck, now)!).distanceM > 300);
  if (offRoad) {
    clearInterval(timer);
    return;
  }
  const middle = run.road.lengthM * 0.4;
  const distance = (truck: Truck) => Math.abs(nearest(run.road, motionOf(truck, now)!).atM - middle);
  for (const truck of driving.sort((a, b) => distance(a) - distance(b))) {
    const drive = driveOf(truck, now);
    const order = drive && rampDrive(run.road, drive, now, now + RAMP_LEAD_MS);
    const trip = truck.spec.trip;
    if (!order || !trip) continue;
    trip.orders.push(order);
    setDrives(truck, run.road, trip.orders);
    saveFleet(run.options.state, run.fleet);
    clearInterval(timer);
    run.progress.info('truck leaves the motorway by a ramp', {
      plate: trip.papers.tractorPlate,
      inS: Math.round(RAMP_LEAD_MS / 1_000),
    });
    return;
  }
}

async function liveRound(run: Live, truck: Truck, failed: AbortSignal): Promise<void> {
  const over = AbortSignal.any([run.stop, failed]);
  const round: Round = { ...run, save: () => saveFleet(run.options.state, run.fleet) };
  while (!over.aborted) {
    const waitMs = await advanceSafely(round, truck, Date.now());
    if (!over.aborted) await pause(waitMs, over);
  }
}
