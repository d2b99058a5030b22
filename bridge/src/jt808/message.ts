import type { Reader, Writer } from '../wire/bytes.ts';
import type { Shape } from './frame.ts';
import type { Jt705Record } from './jt705.ts';
import type { Location } from './location.ts';

/** A parameter of 0x8103, 0x0104 and 0x0310 with its value as sent. */
export interface Parameter {
  id: number;
  value: Uint8Array;
}

export interface Registration {
  type: 'register';
  form: '2011' | '2013' | '2019';
  province: number;
  city: number;
  maker: string;
  model: string;
  terminalId: string;
  plateColour: number;
  plate: string;
}

/** The body of a message, by name. `raw`: of an id that the bridge does not read, or a body that is no such message. */
export type Message =
  | Registration
  | { type: 'registered'; serial: number; result: number; code?: string }
  | { type: 'authenticate'; form: '2013' | '2019'; code: string; imei?: string; software?: string }
  | {
      type: 'heartbeat' | 'logout' | 'query-parameters' | 'locate' | 'time-request' | 'clock-request' | 'zone-sync';
      rest: Uint8Array;
    }
  | { type: 'terminal-reply' | 'platform-reply'; serial: number; id: number; result: number }
  /** The header has the number of the record that is acknowledged. */
  | { type: 'jt705-reply'; id: number; result: number }
  | { type: 'location'; location: Location }
  | { type: 'locate-reply' | 'control-reply'; serial: number; location: Location }
  | { type: 'batch'; isBlind: boolean; kind: number; count: number; items: Uint8Array[]; rest: Uint8Array }
  | { type: 'batch-hhd'; items: Uint8Array[]; rest: Uint8Array }
  | { type: 'jt705'; isBlind: boolean; record: Jt705Record }
  | { type: 'set-parameters'; parameters: Parameter[] }
  | { type: 'set-vendor-parameters'; parameters: Parameter[] }
  | { type: 'query-these'; ids: number[] }
  | { type: 'parameters'; serial: number; parameters: Parameter[] }
  | { type: 'terminal-control'; command: number; text: string }
  | { type: 'track'; intervalS: number; validS: number }
  | { type: 'confirm-alarm'; serial: number; alarms: number }
  | { type: 'text'; flag: number; kind?: number; text: string }
  | { type: 'control'; form: '2013'; bits: number }
  | { type: 'control'; form: '2019'; items: { type: number; value: number }[] }
  | { type: 'server-time'; time: string }
  | { type: 'clock'; year: number; digits: number[]; result: number }
  | { type: 'pass-up' | 'pass-down'; kind: number; data: Uint8Array }
  | { type: 'raw'; body: Uint8Array };

type OfType<M, T> = M extends { type: infer U } ? (T extends U ? M : never) : never;
type MessageOf<T extends Message['type']> = OfType<Message, T>;
/** A message without its name. */
type Plain<M> = M extends unknown ? Omit<M, 'type'> : never;

export interface Codec<T extends Message['type']> {
  id: number;
  type: T;
  read(reader: Reader, shape: Shape, length: number): Plain<MessageOf<T>>;
  write(writer: Writer, message: MessageOf<T>, shape: Shape): Writer;
}

/** A codec in the table; `write` takes a message of its `type` alone. */
export interface AnyCodec {
  id: number;
  type: Message['type'];
  read(reader: Reader, shape: Shape, length: number): object;
  write(writer: Writer, message: never, shape: Shape): Writer;
}
