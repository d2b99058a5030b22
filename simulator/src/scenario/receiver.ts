import type { Position } from '@sealwatch/schemas';
import type { Motion } from '../drive.ts';
import type { GnssError } from '../gnss.ts';
import { gnssFix, nextError, startError } from '../gnss.ts';
import type { Sensed } from '../lock/input-output.ts';
import type { LonLat } from '../path.ts';
import { moved } from '../path.ts';
import type { Random } from '../random.ts';
import { randomStream } from '../random.ts';
import type { TripWorld } from './world.ts';
import { within } from './world.ts';

/** Records between two jumps, at least: what stays away for two records is a real position and no jump. */
const RECORDS_BETWEEN_JUMPS = 4;

/** GNSS and mobile radio of one lock: what they measure at each record, in the order of the records. */
export class Receiver {
  readonly #world: TripWorld;
  readonly #random: Random;
  readonly #faults: Random;
  #error: GnssError;
  /** Slow error between walls and cranes, as shares of its maximum. */
  readonly #drift = { east: 0, north: 0 };
  #recordsSinceJump = 0;

  /** @param unit place of the lock's box on the truck, 0 or 1 */
  constructor(world: TripWorld, seed: number, unit: number) {
    this.#world = world;
    this.#random = randomStream(seed, `lock ${unit}/receiver`);
    this.#faults = randomStream(seed, `lock ${unit}/sky`);
    this.#error = startError(this.#random, world.drive.order.startMs);
  }

  /** Measures at the true `motion` of the lock. */
  sense(motion: Motion, nowMs: number): Sensed {
    const { spells } = this.#world;
    this.#error = nextError(this.#error, this.#random, nowMs);
    const fix = gnssFix(motion, this.#error, this.#random);
    const rssiDbm = Math.round(-74 + this.#random.normal() * 7);
    if (within(spells['no-sky'], nowMs) || within(spells.jam, nowMs)) return { rssiDbm };
    if (within(spells['cell-only'], nowMs)) return { position: this.#cellFix(motion), rssiDbm };
    return { position: this.#disturbed(fix, nowMs), rssiDbm };
  }

  /** The fix displaced by reflections from walls and cranes; it still reports a good accuracy. */
  #disturbed(fix: Position, nowMs: number): Position {
    const { spells, wrongM } = this.#world;
    if (within(spells.multipath, nowMs)) {
      this.#drift.east = wander(this.#drift.east, this.#faults);
      this.#drift.north = wander(this.#drift.north, this.#faults);
      const east = moved(fix, 90, this.#drift.east * wrongM.multipath);
      return { ...fix, ...rounded(moved(east, 0, this.#drift.north * wrongM.multipath)), accuracyM: 2 };
    }
    this.#recordsSinceJump += 1;
    const mayJump = within(spells.jumps, nowMs) && this.#recordsSinceJump >= RECORDS_BETWEEN_JUMPS;
    if (!mayJump || this.#faults.unit() > 1 / wrongM.jumpOneIn) return fix;
    this.#recordsSinceJump = 0;
    return { ...fix, ...rounded(moved(fix, this.#faults.between(0, 360), wrongM.jumps)), accuracyM: 2 };
  }

  #cellFix(motion: Motion): Position {
    const awayM = this.#random.between(500, 2_000);
    const { lon, lat } = moved(motion, this.#random.between(0, 360), awayM);
    return { lon, lat, accuracyM: Math.round(awayM * 1.2), source: 'cell' };
  }
}

const rounded = ({ lon, lat }: LonLat): LonLat => ({ lon: Number(lon.toFixed(6)), lat: Number(lat.toFixed(6)) });

/** One step of a slow random walk within [−0.7, 0.7], so that both axes together stay within 1. */
function wander(value: number, random: Random): number {
  return Math.min(0.7, Math.max(-0.7, value * 0.9 + random.normal() * 0.2));
}
