import type { Detour, DetouredPath } from './detour.ts';
import { withDetours } from './detour.ts';
import type { LonLat, Path } from './path.ts';
import { headingDeg, pointAt, segmentAt } from './path.ts';
import { randomStream } from './random.ts';

/** The plan of one drive; with the road it determines all motion of the truck. */
export interface DriveOrder {
  seed: number;
  startMs: number;
  /** start and end of the drive, metres of the road; the truck is parked at both */
  fromM: number;
  toM: number;
  startKmh: number;
  cruiseKmh: number;
  /** the first and last stretches of the road that are town and yard, m */
  townM: { start: number; end: number };
  detours: Detour[];
}

/** A computed drive: how far the truck is at any time. */
export interface Drive {
  order: DriveOrder;
  path: Path;
  detours: DetouredPath['detours'];
  /** metres, speed and time since the start at the nodes of the speed profile */
  nodeM: Float64Array;
  nodeMps: Float64Array;
  nodeS: Float64Array;
  endMs: number;
}

export interface Motion extends LonLat {
  headingDeg: number;
  speedKmh: number;
  atM: number;
  finished: boolean;
}

/** A loaded container truck: m/s². */
const ACCELERATION = 0.35;
const BRAKING = 0.8;
const NODE_M = 100;
const TOWN_KMH = 48;
const RAMP_KMH = 40;

function nodesOf(path: Path, stops: readonly number[]): number[] {
  const fixed = [...path.atM, ...stops].sort((a, b) => a - b);
  const nodes: number[] = [0];
  for (const m of fixed) {
    const last = nodes.at(-1)!;
    const parts = Math.ceil((m - last) / NODE_M);
    if (m - last < 1) continue;
    for (let part = 1; part <= parts; part++) nodes.push(last + ((m - last) * part) / parts);
  }
  return nodes;
}

/** Speed limit of a bend, km/h. */
function bendKmh(path: Path, vertex: number): number {
  const a = path.points[vertex - 1];
  const b = path.points[vertex];
  const c = path.points[vertex + 1];
  if (!a || !b || !c) return 200;
  const turn = Math.abs(((headingDeg(b, c) - headingDeg(a, b) + 540) % 360) - 180);
  if (turn > 60) return 16;
  if (turn > 35) return 28;
  return turn > 18 ? 50 : 200;
}

/** Highest speed at each node, m/s, before the truck's own weight is taken into account. */
function limits(
  order: DriveOrder,
  placed: DetouredPath,
  nodes: readonly number[],
  stops: readonly number[],
): Float64Array {
  const { path } = placed;
  const mood = randomStream(order.seed, 'pace');
  // Traffic and gradients: one factor per two kilometres, joined by straight lines.
  const factors = Array.from({ length: Math.ceil(path.lengthM / 2_000) + 2 }, () => mood.between(0.84, 1.05));
  const bends = new Map(path.atM.map((m, i) => [Math.round(m), bendKmh(path, i)]));
  return Float64Array.from(nodes, (m) => {
    const box = Math.floor(m / 2_000);
    const share = m / 2_000 - box;
    const factor = factors[box]! * (1 - share) + factors[box + 1]! * share;
    let kmh = order.cruiseKmh * factor;
    const fromStart = order.fromM + m;
    const toEnd = path.lengthM - m;
    if (fromStart < order.townM.start || toEnd < order.townM.end) kmh = Math.min(kmh, TOWN_KMH * factor);
    const away = placed.detours.find((part) => m >= part.fromM - 1 && m <= part.toM + 1);
    if (away) kmh = Math.min(kmh, away.detour.limitKmh * factor);
    // The ends of a detour are ramps, laid out for more than a street corner.
    const bend = bends.get(Math.round(m)) ?? 200;
    kmh = Math.min(kmh, away ? Math.max(bend, RAMP_KMH) : bend);
    if (stops.some((stop) => Math.abs(stop - m) < 0.5)) kmh = 0;
    return kmh / 3.6;
  });
}

/** Computes a drive: speeds that a loaded truck can reach and brake from, and the resulting times. */
export function planDrive(road: Path, order: DriveOrder): Drive {
  const placed = withDetours(road, order.detours, order.fromM, order.toM);
  const { path, detours } = placed;
  const halts = detours.flatMap(({ fromM, toM, detour }) =>
    detour.stopS === undefined ? [] : [{ atM: (fromM + toM) / 2, stopS: detour.stopS }],
  );
  const stops = halts.map((halt) => halt.atM);
  const nodes = nodesOf(path, stops);
  const speed = limits(order, placed, nodes, stops);
  const last = nodes.length - 1;
  speed[last] = 0;
  speed[0] = Math.min(order.startKmh / 3.6, 30);
  for (let i = 1; i <= last; i++) {
    speed[i] = Math.min(speed[i]!, Math.sqrt(speed[i - 1]! ** 2 + 2 * ACCELERATION * (nodes[i]! - nodes[i - 1]!)));
  }
  // The drive begins at the truck's present speed: it may brake harder than usual, but its speed never jumps.
  for (let i = last - 1; i >= 1; i--) {
    speed[i] = Math.min(speed[i]!, Math.sqrt(speed[i + 1]! ** 2 + 2 * BRAKING * (nodes[i + 1]! - nodes[i]!)));
  }
  const nodeM: number[] = [0];
  const nodeMps: number[] = [speed[0]!];
  const nodeS: number[] = [0];
  for (let i = 1; i <= last; i++) {
    const mean = Math.max((speed[i - 1]! + speed[i]!) / 2, 0.5);
    const second = nodeS.at(-1)! + (nodes[i]! - nodes[i - 1]!) / mean;
    nodeM.push(nodes[i]!);
    nodeMps.push(speed[i]!);
    nodeS.push(second);
    const halt = halts.find(({ atM }) => Math.abs(atM - nodes[i]!) < 0.5 && speed[i] === 0);
    if (halt) {
      nodeM.push(nodes[i]!);
      nodeMps.push(0);
      nodeS.push(second + halt.stopS);
    }
  }
  return {
    order,
    path,
    detours,
    nodeM: Float64Array.from(nodeM),
    nodeMps: Float64Array.from(nodeMps),
    nodeS: Float64Array.from(nodeS),
    endMs: order.startMs + nodeS.at(-1)! * 1_000,
  };
}

/** The true position of the truck at a time; before the start and after the end it is parked there. */
export function motionAt(drive: Drive, timeMs: number): Motion {
  const second = (timeMs - drive.order.startMs) / 1_000;
  const i = segmentAt(drive.nodeS, second);
  const length = drive.nodeS[i + 1]! - drive.nodeS[i]!;
  const share = length <= 0 ? 1 : Math.min(1, Math.max(0, (second - drive.nodeS[i]!) / length));
  const from = drive.nodeMps[i]!;
  const to = drive.nodeMps[i + 1]!;
  // Constant acceleration between nodes, scaled so that the nodes are met exactly.
  const area = (from + to) / 2;
  const part = area > 0 ? (from * share + ((to - from) * share * share) / 2) / area : share;
  const atM = drive.nodeM[i]! + (drive.nodeM[i + 1]! - drive.nodeM[i]!) * part;
  const moving = second >= 0 && timeMs < drive.endMs;
  const point = pointAt(drive.path, atM);
  return { ...point, atM, speedKmh: moving ? (from + (to - from) * share) * 3.6 : 0, finished: timeMs >= drive.endMs };
}

/** The time at which the truck is `m` metres into the drive's path, epoch ms (arrival, if it stops there). */
export function timeAtM(drive: Drive, m: number): number {
  let low = 0;
  let high = drive.nodeM.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (drive.nodeM[middle]! < m) low = middle + 1;
    else high = middle;
  }
  return drive.order.startMs + drive.nodeS[low]! * 1_000;
}
