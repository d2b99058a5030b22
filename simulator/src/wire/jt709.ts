import {
  type Decoded,
  encodeFrame,
  type Header,
  type Message,
  type Tag,
  writeLocation,
  writeMessage,
} from '@sealwatch/bridge/codecs';
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

const FIX = 1 << 1;
const SOUTH = 1 << 2;
const WEST = 1 << 3;
const OF_CELL = 1 << 6;
const BACK_OPEN = 1 << 7;
const ROPE_OUT = 1 << 20;
const MOTOR_OPEN = 1 << 21;
const COVER_OPENED = 1 << 16;

/** Bodies of more are sent in parts, which locks avoid. */
const BODY_BYTES = 1_000;
const SERIALS = 0x1_0000;

const CARD_REFUSED = 0x23;
const PASSWORD_WRONG = 0x06;
const CARD_TAKEN = 0x22;

/** A JT709: JT/T 808-2013, times in UTC. */
export class Jt709 implements Device {
  readonly #wireId: string;
  #serial = 0;
  /** It goes on saying where it had its last fix. */
  #place = { latE6: 0, lonE6: 0, signs: 0 };

  /** @param wireId twelve digits */
  constructor(wireId: string) {
    this.#wireId = wireId;
  }

  hello(): Uint8Array[] {
    return [this.#frame(0x0002, { type: 'heartbeat', rest: new Uint8Array(0) }).bytes];
  }

  frames(records: readonly DeviceRecord[]): WireFrame[] {
    const made = records.map((record) => ({ body: this.#location(record), isLate: record.report.kind === 'backfill' }));
    const live = made.filter((one) => !one.isLate);
    const late = made.filter((one) => one.isLate).reverse();
    return [...live.map(({ body }) => this.#framed(0x0200, body)), ...this.#batches(late.map(({ body }) => body))];
  }

  #batches(bodies: readonly Uint8Array[]): WireFrame[] {
    const frames: WireFrame[] = [];
    let items: Uint8Array[] = [];
    let bytes = 0;
    const close = () => {
      if (items.length === 0) return;
      const batch = {
        type: 'batch',
        isBlind: true,
        kind: 1,
        count: items.length,
        items,
        rest: new Uint8Array(0),
      } as const;
      frames.push(this.#frame(0x0704, batch));
      [items, bytes] = [[], 0];
    };
    for (const body of bodies) {
      if (bytes + body.length + 2 > BODY_BYTES) close();
      items.push(body);
      bytes += body.length + 2;
    }
    close();
    return frames;
  }

  malformed(n: number): Uint8Array {
    const [bytes] = this.hello();
    const short = this.#framed(0x0200, Uint8Array.of(n, 0, 0, 0)).bytes;
    const damaged = short.with(short.length - 2, (short.at(-2) ?? 0) ^ 0x11 || 0x11);
    return [short, damaged, this.#framed(0x0704, Uint8Array.of(0, 3, 1, 0xff, n)).bytes][n % 3] ?? bytes!;
  }

  opened({ report, second }: DeviceRecord): WireFrame[] {
    const seal = { ...report.seal, motor: 'unlocked', rope: 'pulled' } as const;
    return [this.#framed(0x0200, this.#location({ second, report: { ...report, kind: 'live', seal } }))];
  }

  heard(decoded: Decoded): Heard {
    if (!('header' in decoded)) return heardNothing;
    const { header, message } = decoded;
    if (message.type === 'platform-reply') return { ...heardNothing, acks: [`${message.serial}`] };
    if (header.id < 0x8100) return heardNothing;
    const done = { type: 'terminal-reply', serial: header.serial, id: header.id, result: 0 } as const;
    const answers = message.type === 'registered' ? [] : [this.#frame(0x0001, done).bytes];
    return { acks: [], answers, opens: header.id === 0x8500 };
  }

  #frame(id: number, message: Message): WireFrame {
    return this.#framed(id, writeMessage(id, message, '2013'));
  }

  #framed(id: number, body: Uint8Array): WireFrame {
    const serial = this.#serial;
    this.#serial = (serial + 1) % SERIALS;
    const header: Header = { id, flags: 0, shape: '2013', phone: this.#wireId, serial };
    return { bytes: encodeFrame(header, body), ack: `${serial}` };
  }

  #location({ report, second }: DeviceRecord): Uint8Array {
    const { position, network } = report;
    const { date, clock } = timeDigits(second);
    if (position) this.#place = placeOf(position);
    const { signs, ...degrees } = this.#place;
    const tags: Tag[] = [
      { id: 0xd4, value: Uint8Array.of(batteryByte(report)) },
      { id: 0x30, value: Uint8Array.of(csqOf(network?.rssiDbm)) },
      { id: 0x31, value: Uint8Array.of(position?.satellites ?? 0) },
      ...(report.events ?? []).flatMap(itemsOf),
    ];
    return writeLocation({
      ...degrees,
      ...{ alarms: report.seal?.cover === 'opened' ? COVER_OPENED : 0, status: signs | statusOf(report) },
      ...{ altitudeM: 20, speedTenthKmh: Math.round((position?.speedKmh ?? 0) * 10) },
      ...{ headingDeg: Math.round(position?.headingDeg ?? 0) % 360, time: date.join('') + clock, tags },
    });
  }
}

const placeOf = ({ lat, lon }: Position) => ({
  ...{ latE6: Math.round(Math.abs(lat) * 1e6), lonE6: Math.round(Math.abs(lon) * 1e6) },
  signs: (lat < 0 ? SOUTH : 0) | (lon < 0 ? WEST : 0),
});

/** It has no bit for a rope that was cut, and none for a motor that is stuck. */
function statusOf({ position, seal }: Report): number {
  const isCell = position?.source === 'cell';
  const fix = position === undefined ? 0 : isCell ? OF_CELL : FIX;
  const rope = seal?.rope === 'inserted' ? 0 : ROPE_OUT;
  return fix | rope | (seal?.motor === 'unlocked' ? MOTOR_OPEN : 0) | (seal?.cover === 'opened' ? BACK_OPEN : 0);
}

/** Item 0B for each; events that the lock has no word for are left out. */
function itemsOf(event: LockEvent): Tag[] {
  const item = (...value: number[]): Tag => ({ id: 0x0b, value: Uint8Array.from(value) });
  const card = (text = '0') => {
    const number = Number(text) || 0;
    return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff);
  };
  if (event.type === 'illegal-card') return [item(CARD_REFUSED, ...card(event.card))];
  if (event.type === 'wrong-password') {
    return Array.from({ length: event.count ?? 1 }, () => item(PASSWORD_WRONG, ...Buffer.from('000000'), 0));
  }
  return event.type === 'unlock' && event.source === 'card' ? [item(CARD_TAKEN, ...card(event.card))] : [];
}
