import { LockMode, Position, Report, SealState } from '@sealwatch/schemas';
import type { IntakeRecord } from './record.ts';

/*
 * The schema (`Report`) is what decides; this reads what nearly every lock sends nearly always, some ten times faster, and
 * says nothing about the rest. A test holds the two against each other on made-up and mutilated reports.
 */

const MODES: ReadonlySet<unknown> = new Set(LockMode.options);
const KINDS: ReadonlySet<unknown> = new Set(Report.shape.kind.unwrap().options);
const SOURCES: ReadonlySet<unknown> = new Set(Position.shape.source.unwrap().options);
const ROPES: ReadonlySet<unknown> = new Set(SealState.shape.rope.options);
const MOTORS: ReadonlySet<unknown> = new Set(SealState.shape.motor.options);
const COVERS: ReadonlySet<unknown> = new Set(SealState.shape.cover.options);

type Fields = Record<string, unknown>;

/** Answered where a part is not plain; nothing else is ever `FAILS`. */
const FAILS = Symbol('not plain');
type Fails = typeof FAILS;

/**
 * The record of a report in its plainest form: no events, its time in UTC with a Z. Undefined where it is anything else,
 * valid or not: then the schema is asked.
 * @param value from JSON.parse
 */
export function readPlain(lockId: string, value: unknown, receivedMs: number): IntakeRecord | undefined {
  if (!isObject(value)) return undefined;
  const { v, boot, seq, time, kind = 'live', mode, events } = value;
  if (v !== 1 || !isU32(boot) || !isU32(seq) || !KINDS.has(kind) || events !== undefined) return undefined;
  if (mode !== undefined && !MODES.has(mode)) return undefined;
  const timeMs = readTime(time);
  const position = readPosition(value.position);
  const seal = readSeal(value.seal);
  const battery = readBattery(value.battery);
  const rssiDbm = readNetwork(value.network);
  if (!(timeMs >= 0) || position === FAILS || seal === FAILS || battery === FAILS || rssiDbm === FAILS)
    return undefined;
  const record: IntakeRecord = { lockId, boot, seq, timeMs, receivedMs, kind: kind as IntakeRecord['kind'] };
  if (mode !== undefined) record.mode = mode as LockMode;
  if (position) record.position = position;
  if (seal) record.seal = seal;
  if (battery) record.battery = battery;
  if (rssiDbm !== undefined) record.rssiDbm = rssiDbm;
  return record;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isU32(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
}

/** A number from `least` to `most`. */
function isIn(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most;
}

function isInOrAbsent(value: unknown, least: number, most: number): value is number | undefined {
  return value === undefined || isIn(value, least, most);
}

function readPosition(value: unknown): Position | undefined | Fails {
  if (value === undefined) return undefined;
  if (!isObject(value)) return FAILS;
  const { lon, lat, accuracyM, speedKmh, headingDeg, satellites, source = 'gnss' } = value;
  if (!isIn(lon, -180, 180) || !isIn(lat, -90, 90) || !SOURCES.has(source)) return FAILS;
  if (!isInOrAbsent(accuracyM, 0, 1_000_000) || !isInOrAbsent(speedKmh, 0, 2_000)) return FAILS;
  if (!isInOrAbsent(headingDeg, 0, 360) || !isInOrAbsent(satellites, 0, 200)) return FAILS;
  if (satellites !== undefined && !Number.isInteger(satellites)) return FAILS;
  const position: Position = { lon, lat, source: source as Position['source'] };
  if (accuracyM !== undefined) position.accuracyM = accuracyM;
  if (speedKmh !== undefined) position.speedKmh = speedKmh;
  if (headingDeg !== undefined) position.headingDeg = headingDeg;
  if (satellites !== undefined) position.satellites = satellites;
  return position;
}

function readSeal(value: unknown): SealState | undefined | Fails {
  if (value === undefined) return undefined;
  if (!isObject(value)) return FAILS;
  const { rope, motor, cover, useCount } = value as Partial<SealState>;
  if (!ROPES.has(rope) || !MOTORS.has(motor) || !COVERS.has(cover)) return FAILS;
  const seal = { rope, motor, cover } as SealState;
  if (useCount === undefined) return seal;
  if (!isU32(useCount)) return FAILS;
  seal.useCount = useCount;
  return seal;
}

function readBattery(value: unknown): IntakeRecord['battery'] | Fails {
  if (value === undefined) return undefined;
  if (!isObject(value)) return FAILS;
  const { percent, charging } = value;
  if (!isInOrAbsent(percent, 0, 100) || (charging !== undefined && typeof charging !== 'boolean')) return FAILS;
  const battery: NonNullable<IntakeRecord['battery']> = {};
  if (percent !== undefined) battery.percent = percent;
  if (charging !== undefined) battery.charging = charging;
  return battery;
}

function readNetwork(value: unknown): number | undefined | Fails {
  if (value === undefined) return undefined;
  if (!isObject(value)) return FAILS;
  return isInOrAbsent(value.rssiDbm, -200, 50) ? value.rssiDbm : FAILS;
}

/** `2026-11-21T03:04:05.000Z`, with or without milliseconds. 29 February is left to the schema: it knows the years. */
const DAY = '(?:0[1-9]|1[0-2])-(?:0[1-9]|1\\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31';
const UTC = new RegExp(`^\\d{4}-(?:${DAY})T(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{3})?Z$`);

function readTime(value: unknown): number {
  return typeof value === 'string' && UTC.test(value) ? Date.parse(value) : Number.NaN;
}
