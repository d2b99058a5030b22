import { type Corridor, type JudgedFix, locate, positionAt, turnDeg } from '../src/index.ts';
import { seeded } from '../test/random.ts';
import { correlatedNoise } from './noise.ts';

/** A trip whose truth is known: what the lock reported, and when the truck was really beyond the corridor's edge. */
export interface Case {
  fixes: JudgedFix[];
  /** True crossing of the corridor's edge outward; absent for a clean trip. */
  crossedMs?: number;
  /** GNSS fixes sent while truly beyond the edge, admitted error included. */
  fixesOutside: number;
}

export interface Plan {
  cadenceS: number;
  /** A detour of this distance and length; absent for a clean trip. */
  detour?: { atM: number; awayM: number; lastsS: number };
  seed: number;
}

const ACCURACY_CAP_M = 150;

/** Drives the route with changing speed, halts, dead zones, cell fixes and correlated GNSS error. */
export function makeCase(corridor: Corridor, plan: Plan): Case {
  const random = seeded(plan.seed);
  const noise = correlatedNoise(plan.seed + 1);
  const fixes: JudgedFix[] = [];
  const made: Case = { fixes, fixesOutside: 0 };
  // A third of receivers admits nothing, a third lies, a third is honest.
  const honesty = random() < 1 / 3 ? 'silent' : random() < 0.5 ? 'lying' : 'honest';
  let alongM = 0;
  let second = 0;
  let kmh = 40 + 40 * random();
  let haltUntil = 0;
  let deadUntil = 0;
  let detourBegan = -1;
  let seq = 0;
  while (alongM < corridor.lengthM) {
    second++;
    if (random() < 0.02) kmh = Math.max(15, Math.min(95, kmh + (random() - 0.5) * 40));
    if (random() < 0.00015) haltUntil = second + 60 + random() * 1_200;
    if (random() < 0.0006) deadUntil = second + 20 + random() * 240;
    if (plan.detour && detourBegan < 0 && alongM >= plan.detour.atM) detourBegan = second;
    const off = offRoute(plan, second - detourBegan, detourBegan >= 0);
    const halted = second < haltUntil && off.awayM === 0;
    if (!halted) alongM += (off.onDetour ? 0.7 : 1) * (kmh / 3.6);
    const at = positionAt(corridor, alongM);
    const truth = beside(at, off.awayM);
    const beyond = trulyBeyondM(corridor, truth);
    if (off.awayM > 0 && beyond > 0) made.crossedMs ??= second * 1_000;
    if (second % plan.cadenceS !== 0) continue;
    seq++;
    // A tunnel: records without a position are sent, so numbers go on.
    if (second < deadUntil) {
      fixes.push({
        lockId: 'JT70100001',
        boot: 1,
        seq,
        timeMs: second * 1_000,
        lon: Number.NaN,
        lat: Number.NaN,
        source: 'gnss',
      });
      continue;
    }
    const isCell = random() < 0.02;
    const { eastM, northM } = noise.next();
    const errorM = Math.hypot(eastM, northM);
    const scale = isCell ? (500 + 1_500 * random()) / Math.max(errorM, 1) : 1;
    const place = shifted(truth, eastM * scale, northM * scale);
    const accuracyM = honesty === 'lying' ? 2 + 3 * random() : Math.max(2, errorM * (0.5 + random()));
    const fix: JudgedFix = {
      lockId: 'JT70100001',
      boot: 1,
      seq,
      timeMs: second * 1_000,
      ...place,
      source: isCell ? 'cell' : 'gnss',
      ...(honesty === 'silent' ? {} : { accuracyM }),
      speedKmh: halted ? 6 * random() : kmh,
    };
    fixes.push(fix);
    const admitted = Math.min(fix.accuracyM ?? 0, ACCURACY_CAP_M);
    if (!isCell && off.awayM > 0 && beyond > admitted + errorM) made.fixesOutside++;
  }
  return made;
}

/** Along a ramp at 45 degrees out, beside the route, and a ramp back. */
function offRoute(plan: Plan, elapsedS: number, began: boolean): { awayM: number; onDetour: boolean } {
  if (!plan.detour || !began || elapsedS > plan.detour.lastsS) return { awayM: 0, onDetour: false };
  const rampS = plan.detour.awayM / 12;
  const share = Math.min(1, elapsedS / rampS, (plan.detour.lastsS - elapsedS) / rampS);
  return { awayM: plan.detour.awayM * Math.max(0, share), onDetour: true };
}

function beside(at: { lon: number; lat: number; headingDeg: number }, metres: number): { lon: number; lat: number } {
  const right = ((at.headingDeg + 90) * Math.PI) / 180;
  return shifted(at, metres * Math.sin(right), metres * Math.cos(right));
}

function shifted(at: { lon: number; lat: number }, eastM: number, northM: number): { lon: number; lat: number } {
  return { lon: at.lon + eastM / (111_195 * Math.cos((at.lat * Math.PI) / 180)), lat: at.lat + northM / 111_195 };
}

function trulyBeyondM(corridor: Corridor, truth: { lon: number; lat: number }): number {
  const found = locate(corridor, truth.lon, truth.lat);
  return Math.abs(found.offsetM) - found.halfWidthM;
}

/** Whether the road runs straight for a detour to lie beside it: the label must be sure. */
export function isStraight(corridor: Corridor, fromM: number, lengthM: number): boolean {
  const first = positionAt(corridor, fromM).headingDeg;
  for (let m = 0; m <= lengthM; m += 200) {
    if (turnDeg(first, positionAt(corridor, fromM + m).headingDeg) > 35) return false;
  }
  return true;
}
