import { Position, SealState, Time } from '@sealwatch/schemas';
import { type ZodType, z } from 'zod';
import { children, field, printXml, timeField, type XmlNode } from './xml.ts';

/** The kinds of a position message: 1 real time, 2 roll-call, 3 back-fill; 4 is a command, 5 a result. */
const KINDS = { 1: 'live', 2: 'roll-call', 3: 'backfill' } as const;

export interface PositionIn {
  lockId: string;
  /** To be read as a `Report`; without `time` if the message has none that can be read. */
  report: Record<string, unknown>;
  /** Elements that have a value which cannot be read, and are left out of the report. */
  leftOut: string[];
}

const given = <T>(key: string, value: T | undefined) => (value === undefined ? {} : { [key]: value });

/** Reads the elements of one POSITION, each by its schema; remembers which it left out. */
class Elements {
  readonly leftOut: string[] = [];
  readonly #node: XmlNode;

  constructor(node: XmlNode) {
    this.#node = node;
  }

  text(name: string): string | undefined {
    return field(this.#node, name);
  }

  number(name: string, schema: ZodType<number | undefined>): number | undefined {
    const text = this.text(name);
    return this.#read(name, schema, text === undefined ? undefined : Number(text));
  }

  /** A word of a list, in small or capital letters. */
  word<T extends string>(name: string, schema: ZodType<T>): T | undefined {
    return this.#read(name, schema, this.text(name)?.toLowerCase());
  }

  time(name: string): string | undefined {
    return this.#read(name, Time, timeField(this.#node, name));
  }

  /** A part of the record's identity: what cannot be read is handed on as it is, because nothing can stand in for it. */
  identity(name: string): number | string | undefined {
    const text = this.text(name);
    return text === undefined || !/^\d+$/.test(text) ? text : Number(text);
  }

  #read<T>(name: string, schema: ZodType<T>, value: unknown): T | undefined {
    if (value === undefined) return undefined;
    const read = schema.safeParse(value);
    if (read.success) return read.data;
    this.leftOut.push(name);
    return undefined;
  }
}

const { lon: Lon, lat: Lat, speedKmh: Speed, headingDeg: Heading, accuracyM: Accuracy } = Position.shape;
const { rope: Rope, motor: Motor, cover: Cover, useCount: UseCount } = SealState.shape;
const Locked = z.enum(['l', 'u']);

/**
 * Rope, motor and cover; what the message does not say of them follows from ESEAL_STATUS L (locked) or U. Without
 * ESEAL_STATUS a part that is broken or open is enough: the seal does not hold, whatever the other parts are.
 */
function sealOf(elements: Elements): object {
  const rope = elements.word('ROPE_STATUS', Rope.unwrap());
  const motor = elements.word('MOTOR_STATUS', Motor.unwrap());
  const cover = elements.word('COVER_STATUS', Cover.unwrap());
  const status = elements.word('ESEAL_STATUS', Locked);
  const useCount = given('useCount', elements.number('USE_COUNT', UseCount));
  const whole = rope !== undefined && motor !== undefined && cover !== undefined;
  const broken = (rope ?? 'inserted') !== 'inserted' || (motor ?? 'locked') !== 'locked' || cover === 'opened';
  if (!whole && !broken && status === undefined) return {};
  const byStatus = status === 'u' ? 'unlocked' : 'locked';
  return { seal: { rope: rope ?? 'inserted', motor: motor ?? byStatus, cover: cover ?? 'closed', ...useCount } };
}

/** A position needs both coordinates; without them speed and direction say nothing. */
function placeOf(elements: Elements): object {
  const lon = elements.number('LONGITUDE', Lon);
  const lat = elements.number('LATITUDE', Lat);
  if (lon === undefined || lat === undefined) return {};
  return {
    position: {
      lon,
      lat,
      ...given('speedKmh', elements.number('SPEED', Speed)),
      ...given('headingDeg', elements.number('DIRECTION', Heading)),
      ...given('accuracyM', elements.number('ACCURACY', Accuracy)),
    },
  };
}

const Charge = z.union([z.number().min(0).max(100), z.literal(255)]);

/** 255 means "charging" (JT701D class). */
function batteryOf(elements: Elements): object {
  const charge = elements.number('BATTERY', Charge);
  if (charge === undefined) return {};
  return { battery: charge === 255 ? { charging: true } : { percent: charge } };
}

/** A POSITION element as the report of its lock; SERIAL_NO with BOOT_NO is the record's identity. */
export function positionOf(node: XmlNode, kind: '1' | '2' | '3'): PositionIn {
  const elements = new Elements(node);
  const report = {
    v: 1,
    boot: elements.identity('BOOT_NO') ?? 0,
    seq: elements.identity('SERIAL_NO'),
    ...given('time', elements.time('POS_TIME')),
    kind: KINDS[kind],
    ...placeOf(elements),
    ...sealOf(elements),
    ...batteryOf(elements),
  };
  return { lockId: elements.text('ESEAL_ID') ?? '', report, leftOut: elements.leftOut };
}

export const positionsOf = (node: XmlNode, kind: '1' | '2' | '3'): PositionIn[] =>
  children(node, 'POSITION').map((one) => positionOf(one, kind));

export const isPositionKind = (kind: string | undefined): kind is '1' | '2' | '3' =>
  kind !== undefined && Object.hasOwn(KINDS, kind);

/**
 * The command of a message of type 4: `Xnnnn` sets the interval to nnnn seconds, `0000` to the default.
 * @returns undefined for any other command
 */
export function intervalOf(command: string | undefined, defaultS: number): number | undefined {
  const seconds = /^X?(\d{4})$/.exec(command ?? '')?.[1];
  if (seconds === undefined) return undefined;
  return seconds === '0000' ? defaultS : Number(seconds);
}

export interface PositionResult {
  lockId: string;
  serialNo?: string | undefined;
  /** 1 done, 0 accepted and waiting for the lock, 2 refused. */
  result: '0' | '1' | '2';
  text?: string | undefined;
}

/** Message type 5: the result of each record or command. */
export function resultOf(results: PositionResult[]): string {
  return printXml('POSITION_RESULT', {
    MESSAGE_TYPE: '5',
    ITEM: results.map(({ lockId, serialNo, result, text }) => ({
      ESEAL_ID: lockId,
      SERIAL_NO: serialNo,
      RESULT: result,
      TEXT: text,
    })),
  });
}

export interface PositionOut {
  lockId: string;
  boot: number;
  seq: number;
  timeMs: number;
  lon: number;
  lat: number;
  speedKmh?: number | undefined;
  headingDeg?: number | undefined;
  locked?: boolean | undefined;
  percent?: number | undefined;
}

/** POSITION_INFO in an answer: the newest position (1), or the positions stored between two times (3). */
export function positionInfoOf(kind: '1' | '3', positions: PositionOut[]): string {
  return printXml('POSITION_INFO', {
    MESSAGE_TYPE: kind,
    POSITION: positions.map((at) => ({
      ESEAL_ID: at.lockId,
      BOOT_NO: at.boot,
      SERIAL_NO: at.seq,
      POS_TIME: new Date(at.timeMs).toISOString(),
      LONGITUDE: at.lon,
      LATITUDE: at.lat,
      SPEED: at.speedKmh,
      DIRECTION: at.headingDeg,
      ESEAL_STATUS: at.locked === undefined ? undefined : at.locked ? 'L' : 'U',
      BATTERY: at.percent,
    })),
  });
}
