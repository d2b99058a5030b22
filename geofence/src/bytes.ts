import { assemble } from './compile.ts';
import type { Corridor, CorridorStop } from './corridor.ts';

/*
 * A compiled route in bytes, little-endian: u8 0x53, u8 0x57 ("SW"), u8 version, u8 zero, u32 vertices, u32 bytes of the
 * trailing JSON, u32 zero; then f64 lon, f64 lat and f64 metres along per vertex, f32 half-width per segment, and the
 * name and stops as JSON (ASCII). Only what cannot be derived is written: planes, index and clearance are made again,
 * which costs less than reading them from most disks.
 */
const MAGIC = 0x5357;
const VERSION = 1;
const HEADER_BYTES = 16;

export function toBuffer(corridor: Corridor): ArrayBuffer {
  const json = toAscii(JSON.stringify({ name: corridor.name, stops: corridor.stops }));
  const count = corridor.pointCount;
  const bytes = new Uint8Array(HEADER_BYTES + count * 24 + (count - 1) * 4 + json.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, MAGIC);
  view.setUint8(2, VERSION);
  view.setUint32(4, count, true);
  view.setUint32(8, json.length, true);
  let at = HEADER_BYTES;
  for (const column of [corridor.lon, corridor.lat, corridor.alongM]) {
    for (const value of column) {
      view.setFloat64(at, value, true);
      at += 8;
    }
  }
  for (const value of corridor.halfWidthM) {
    view.setFloat32(at, value, true);
    at += 4;
  }
  for (let i = 0; i < json.length; i++) bytes[at + i] = json.charCodeAt(i);
  return bytes.buffer;
}

/** JSON in ASCII, so that a byte is a character and nothing outside the language is needed to read it. */
function toAscii(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function fromAscii(bytes: Uint8Array): string {
  let json = '';
  for (const byte of bytes) json += String.fromCharCode(byte);
  return json;
}

/**
 * Reads what `toBuffer` wrote.
 * @throws RangeError where the bytes are something else, of another version, or cut short
 */
export function fromBuffer(buffer: ArrayBuffer): Corridor {
  const view = new DataView(buffer);
  if (buffer.byteLength < HEADER_BYTES || view.getUint16(0) !== MAGIC) throw new RangeError('not a compiled route');
  const version = view.getUint8(2);
  if (version !== VERSION) throw new RangeError(`compiled route of version ${version}: expected ${VERSION}`);
  const count = view.getUint32(4, true);
  const jsonBytes = view.getUint32(8, true);
  const expected = HEADER_BYTES + count * 24 + (count - 1) * 4 + jsonBytes;
  if (count < 2 || buffer.byteLength !== expected) {
    throw new RangeError(`compiled route of ${count} points: expected ${expected} bytes, got ${buffer.byteLength}`);
  }
  let at = HEADER_BYTES;
  const column = () => {
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++, at += 8) values[i] = view.getFloat64(at, true);
    return values;
  };
  const [lon, lat, alongM] = [column(), column(), column()];
  const halfWidthM = new Float32Array(count - 1);
  for (let i = 0; i < count - 1; i++, at += 4) halfWidthM[i] = view.getFloat32(at, true);
  const rest = JSON.parse(fromAscii(new Uint8Array(buffer, at))) as Pick<Corridor, 'name'> & {
    stops: CorridorStop[];
  };
  return assemble(rest.name, lon, lat, alongM, halfWidthM, rest.stops);
}
