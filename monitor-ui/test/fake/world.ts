import { randomUUID } from 'node:crypto';
import type {
  Alarm,
  FeedPassage,
  FeedStats,
  FramePosition,
  Step,
  TrackPoint,
  Trip,
  WallStatus,
} from '@sealwatch/schemas';
import type { Road } from './road.ts';

export interface Truck {
  index: number;
  lockId: string;
  trip: Trip;
  doneM: number;
  speedKmh: number;
  /** Metres beside the road, + right of travel. */
  offsetM: number;
  status: WallStatus;
  track: TrackPoint[];
}

const CONTAINERS = ['CSQU3054383', 'CBHU3202732', 'MSKU9070323', 'TGHU1234567'];
const HISTORY_M = 60_000;

const iso = (ms: number) => new Date(ms).toISOString();

function steps(sealedMs: number): Step[] {
  const passed = (...names: string[]) => names.map((check) => ({ check, passed: true }));
  return [
    { step: 'hang', state: 'done', at: iso(sealedMs - 600_000), checks: passed('registered', 'healthy', 'battery') },
    {
      step: 'seal',
      state: 'done',
      at: iso(sealedMs),
      checks: passed('number', 'battery', 'online', 'locked', 'place', 'container', 'plate', 'interval'),
    },
    {
      step: 'transit',
      state: 'active',
      at: iso(sealedMs + 300_000),
      checks: passed('not-silent', 'not-opened', 'case-intact', 'no-overtime-stop'),
    },
    { step: 'verify', state: 'pending', checks: [] },
    { step: 'unlock', state: 'pending', checks: [] },
  ];
}

/** A small world of trucks on the real road, for looking at the screens without a platform. */
export class World {
  readonly road: Road;
  readonly trucks: Truck[];
  readonly alarms = new Map<string, Alarm>();
  readonly passages: FeedPassage[] = [];

  constructor(road: Road, count: number, nowMs: number) {
    this.road = road;
    this.trucks = Array.from({ length: count }, (_, index) => this.#truck(index, count, nowMs));
  }

  #truck(index: number, count: number, nowMs: number): Truck {
    const doneM = Math.round(((index + 0.5) / count) * this.road.lengthM);
    const speedKmh = 68 + ((index * 7) % 19);
    const lockId = `JT701${String(10_000 + index)}`;
    const departedMs = nowMs - (doneM / speedKmh) * 3600;
    const truck: Truck = {
      index,
      lockId,
      doneM,
      speedKmh,
      offsetM: 0,
      status: 'green',
      track: [],
      trip: {
        tripId: randomUUID(),
        status: 'in-transit',
        risk: 'green',
        declarationNo: `292120261${String(100_000_001 + index * 137)}`,
        mode: 'road',
        originOffice: '2921',
        destinationOffice: '3104',
        vehicle: {
          tractorPlate: `浙G${'ABCDEFGHJK'[index % 10]}${String(1028 + index * 211).slice(-4)}`,
          trailerPlate: `浙G${String(2107 + index * 97).slice(-4)}挂`,
        },
        units: [{ containerNo: CONTAINERS[index % 4]!, lockId }],
        routeId: 'yiwu-beilun',
        routeVersion: 1,
        createdAt: iso(departedMs - 3_600_000),
        sealedAt: iso(departedMs - 300_000),
        departedAt: iso(departedMs),
        steps: steps(departedMs - 300_000),
        progress: { doneM, totalM: this.road.lengthM },
        openAlarms: [],
      },
    };
    for (let m = Math.max(0, doneM - HISTORY_M); m < doneM; m += 500) {
      this.#record(truck, m, 0, nowMs - ((doneM - m) / speedKmh) * 3600);
    }
    return truck;
  }

  #record(truck: Truck, metres: number, offsetM: number, atMs: number): void {
    const { lon, lat } = this.road.at(metres, offsetM);
    truck.track.push({ lockId: truck.lockId, time: iso(atMs), lon, lat, source: 'gnss' });
  }

  /** Time passes. Returns the places in the frame that changed. */
  drive(elapsedMs: number, nowMs: number): number[] {
    const moved: number[] = [];
    for (const truck of this.trucks) {
      if (truck.speedKmh < 1 || truck.status === 'silent') continue;
      truck.doneM = (truck.doneM + (truck.speedKmh / 3.6) * (elapsedMs / 1000)) % this.road.lengthM;
      truck.trip.progress = {
        doneM: truck.doneM,
        totalM: this.road.lengthM,
        etaAt: iso(nowMs + ((this.road.lengthM - truck.doneM) / 75) * 3600),
      };
      const { lon, lat, headingDeg } = this.road.at(truck.doneM, truck.offsetM);
      truck.trip.lastReport = {
        lockId: truck.lockId,
        time: iso(nowMs),
        position: { lon, lat, speedKmh: truck.speedKmh, headingDeg },
        seal: { rope: 'inserted', motor: 'locked', cover: 'closed' },
        battery: { percent: 95 - (truck.index % 40), charging: false },
      };
      moved.push(truck.index);
    }
    return moved;
  }

  frame(indices: number[]): FramePosition[] {
    return indices.map((index) => {
      const truck = this.trucks[index]!;
      return {
        index,
        ...this.road.at(truck.doneM, truck.offsetM),
        speedKmh: truck.speedKmh,
        status: truck.status,
        batteryPercent: 95 - (index % 40),
        flags: 0,
      };
    });
  }

  stats(): FeedStats {
    const of = (...statuses: WallStatus[]) => this.trucks.filter((truck) => statuses.includes(truck.status)).length;
    return {
      inTransit: this.trucks.length,
      green: of('green'),
      amber: of('amber'),
      red: of('red', 'provisional'),
      silent: of('silent'),
      arrivedToday: this.passages.filter((p) => p.verdict === 'release').length,
      reportsPerSecond: this.trucks.length / 5,
      lagMs: 240,
    };
  }

  /** Drives a truck off the road as it would have gone: out over `minutes`, up to `farM` beside the road. */
  leave(index: number, farM: number, minutes: number, nowMs: number): Alarm {
    const truck = this.trucks[index]!;
    const fromMs = nowMs - minutes * 60_000;
    truck.track = truck.track.filter((point) => Date.parse(point.time) < fromMs);
    const lengthM = (truck.speedKmh / 3.6) * minutes * 60;
    for (let i = 0; i <= 40; i++) {
      const share = i / 40;
      this.#record(
        truck,
        truck.doneM - lengthM * (1 - share),
        farM * Math.sin((share * Math.PI) / 2),
        fromMs + share * minutes * 60_000,
      );
    }
    truck.offsetM = farM;
    const { lon, lat } = this.road.at(truck.doneM, truck.offsetM);
    return this.raise(index, 'route.deviation', 'critical', 'latched', {
      state: 'provisional',
      lastInsideAt: iso(fromMs),
      startedAt: iso(fromMs + 20_000),
      maxDistanceM: farM,
      position: { lon, lat },
      raisedAt: iso(nowMs),
    });
  }

  raise(
    index: number,
    rule: string,
    severity: Alarm['severity'],
    kind: Alarm['kind'],
    more: Partial<Alarm> = {},
  ): Alarm {
    const truck = this.trucks[index]!;
    const alarm: Alarm = {
      alarmId: randomUUID(),
      tripId: truck.trip.tripId,
      lockId: truck.lockId,
      rule,
      kind,
      severity,
      state: 'open',
      active: true,
      startedAt: iso(Date.now()),
      raisedAt: iso(Date.now()),
      detectedLate: false,
      evidence: {},
      ...more,
    };
    this.alarms.set(alarm.alarmId, alarm);
    truck.status = severity === 'critical' ? (alarm.state === 'provisional' ? 'provisional' : 'red') : 'amber';
    if (rule === 'comms.silent') truck.status = 'silent';
    truck.trip.risk = severity === 'critical' ? 'red' : 'amber';
    return alarm;
  }
}
