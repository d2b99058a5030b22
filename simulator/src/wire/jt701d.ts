import { type BinaryRecord, type Decoded, encodeBinary, encodeLine, type P45 } from '@sealwatch/bridge/codecs';
import type { LockEvent, Position, Report } from '@sealwatch/schemas';
import {
  batteryByte,
  csqOf,
  type Device,
  type DeviceRecord,
  type Heard,
  heardNothing,
  timeDigits,
  type WireFrame,
} from './device.ts';

const KMH_PER_KNOT = 1.852;
const OF_CELL = 1;
const CUT = 1 << 3;
const ACK_WANTED = 1 << 5;
const INSERTED = 1 << 6;
const LOCKED = 1 << 7;
const COVER_OPENED = 1 << 12;
const COVER_CLOSED = 1 << 13;
const STUCK = 1 << 14;

const [LIVE, BLIND] = [1, 3];
const [BY_CLOCK, BY_VIBRATION] = [1, 2];
const SERIALS = 256;
const NO_PLACE = { lat: '00000000', lon: '000000000', flags: 8 };

/** A JT701D: `$` frames and lines in brackets, times in UTC. */
export class Jt701d implements Device {
  readonly #wireId: string;
  #serial = 0;
  #place = NO_PLACE;
  #last: DeviceRecord | undefined;
  /** The platform opens it with this. */
  readonly #password: string;

  /** @param wireId ten digits */
  constructor(wireId: string) {
    this.#wireId = wireId;
    this.#password = wireId.slice(-6);
  }

  hello(): Uint8Array[] {
    return [this.#line('@JT'), this.#line('P52', '2', this.#password)];
  }

  frames(records: readonly DeviceRecord[]): WireFrame[] {
    // What was made without radio comes newest first.
    const late = records.filter(({ report }) => report.kind === 'backfill').reverse();
    const live = records.filter(({ report }) => report.kind !== 'backfill');
    return [...live, ...late].flatMap((record) => [this.#record(record), ...this.#events(record)]);
  }

  malformed(n: number): Uint8Array {
    const whole = encodeBinary({ ...this.#fields({ report: { v: 1 } as Report, second: n }), serial: n });
    const cut = Uint8Array.from([...whole.subarray(0, 9), 40, ...whole.subarray(10, 50)]);
    return [cut, this.#line('P45', `${n}`, 'x'), this.#line('1', `${n}`, 'WLNET', '5', '2', 'x')][n % 3] ?? cut;
  }

  opened(last: DeviceRecord): WireFrame[] {
    return [this.#event(last, { source: '6', verification: '98', passwordOk: '1' })];
  }

  heard(decoded: Decoded): Heard {
    if (!('line' in decoded) || decoded.line.type !== 'line') return heardNothing;
    const [word, kind, value = ''] = decoded.line.words;
    if (word === 'P69' && kind === '0') return { ...heardNothing, acks: [value] };
    if (word === 'P04')
      return { ...heardNothing, answers: [this.#line(...decoded.line.words.filter((_, i) => i !== 1))] };
    if (word === 'P02' && this.#last) return { ...heardNothing, answers: [this.#record(this.#last).bytes] };
    if (word !== 'P52' || kind !== '3') return heardNothing;
    const isRight = value === this.#password;
    return { acks: [], answers: [this.#line('P52', '3', isRight ? '1' : '0', '0')], opens: isRight };
  }

  #next(): number {
    const serial = this.#serial;
    this.#serial = (serial + 1) % SERIALS;
    return serial;
  }

  #line(...words: string[]): Uint8Array {
    return encodeLine({ type: 'line', deviceId: this.#wireId, words });
  }

  #record(record: DeviceRecord): WireFrame {
    this.#last = record;
    const serial = this.#next();
    return { bytes: encodeBinary({ ...this.#fields(record), serial }), ack: `${serial}` };
  }

  #fields({ report, second }: DeviceRecord): Omit<BinaryRecord, 'serial'> {
    const { position, network } = report;
    const { date, clock } = timeDigits(second);
    if (position) this.#place = placeOf(position);
    const isFix = position !== undefined && position.source !== 'cell';
    return {
      ...{ deviceId: this.#wireId, version: 0x19, device: 1, data: report.kind === 'backfill' ? BLIND : LIVE },
      ...{ ...this.#place, flags: this.#place.flags | (isFix ? 1 : 0), time: date.reverse().join('') + clock },
      speed: Math.min(255, Math.round((position?.speedKmh ?? 0) / KMH_PER_KNOT)),
      heading2: Math.round((position?.headingDeg ?? 0) / 2) % 180,
      ...{ mileageKm: 0, satellites: position?.satellites ?? 0, bindId: '00000000', status: statusOf(report) },
      ...{ battery: batteryByte(report), cell: 0, lac: 0, csq: csqOf(network?.rssiDbm), fence: 0 },
      ...{ wake: report.mode === 'sleep' ? BY_CLOCK : BY_VIBRATION, mncHigh: 15, ext2: 15 },
      ...{ imei: '0F00000000000000', cellHigh: 0, mcc: 460, mncLow: 0 },
    };
  }

  /** One line for each event that the lock has a word for. */
  #events(record: DeviceRecord): WireFrame[] {
    return (record.report.events ?? []).flatMap((event) => {
      const fields = fieldsOf(event);
      return fields ? [this.#event({ ...record, second: record.second + 1 }, fields)] : [];
    });
  }

  #event({ report: { position }, second }: DeviceRecord, fields: Partial<P45>): WireFrame {
    const serial = `${this.#next()}`;
    const { date, clock } = timeDigits(second);
    const { lat = 0, lon = 0 } = position ?? {};
    const event: P45 = {
      ...{ date: date.reverse().join(''), time: clock, lat: Math.abs(lat).toFixed(6), lon: Math.abs(lon).toFixed(6) },
      ...{ northSouth: lat < 0 ? 'S' : 'N', eastWest: lon < 0 ? 'W' : 'E', validity: position ? 'A' : 'V' },
      speedKmh: `${Math.round(position?.speedKmh ?? 0)}`,
      heading: `${Math.round(position?.headingDeg ?? 0)}`,
      ...{ source: '0', verification: '0', card: '0000000000', passwordOk: '0', wrongCount: '0' },
      ...fields,
      ...{ serial, more: ['0'] },
    };
    return { bytes: encodeLine({ type: 'p45', deviceId: this.#wireId, event }), ack: serial };
  }
}

/** Degrees and minutes with four decimals, without a point. */
function packed(degrees: number, digits: 2 | 3): string {
  const tenThousandths = Math.round(Math.abs(degrees) * 600_000);
  const whole = Math.floor(tenThousandths / 600_000);
  return String(whole).padStart(digits, '0') + String(tenThousandths - whole * 600_000).padStart(6, '0');
}

const placeOf = ({ lat, lon }: Position) => ({
  ...{ lat: packed(lat, 2), lon: packed(lon, 3) },
  flags: 8 | (lat >= 0 ? 2 : 0) | (lon >= 0 ? 4 : 0),
});

function statusOf({ position, seal }: Report): number {
  const rope = seal?.rope === 'cut' ? CUT : seal?.rope === 'inserted' ? INSERTED : 0;
  const motor = seal?.motor === 'stuck' ? STUCK | LOCKED : seal?.motor === 'locked' ? LOCKED : 0;
  const cover = seal?.cover === 'opened' ? COVER_OPENED : COVER_CLOSED;
  return ACK_WANTED | rope | motor | cover | (position?.source === 'cell' ? OF_CELL : 0);
}

function fieldsOf(event: LockEvent): Partial<P45> | undefined {
  if (event.type === 'illegal-card') return { source: '2', card: event.card ?? '0000000000' };
  if (event.type === 'wrong-password') return { source: '4', wrongCount: `${event.count ?? 1}` };
  if (event.type === 'lock') return { source: '5' };
  return undefined;
}
