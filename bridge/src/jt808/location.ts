import { Reader, Writer } from '../wire/bytes.ts';

/** An additional item of a location; what it means is said by the profile. */
export interface Tag {
  id: number;
  value: Uint8Array;
}

/** The body of 0x0200 as sent. */
export interface Location {
  alarms: number;
  status: number;
  /** 1e-6 degrees, without a sign: status bits 2 and 3 are south and west. */
  latE6: number;
  lonE6: number;
  altitudeM: number;
  speedTenthKmh: number;
  headingDeg: number;
  /** Twelve digits YYMMDDhhmmss in the zone of the profile; other than decimal ones are possible. */
  time: string;
  tags: Tag[];
  /** From the first item whose length reaches beyond the end. */
  overrun?: Uint8Array;
}

/** Items {id, length, value}; one that reaches beyond the end ends the list and is kept as it is. */
export function readTags(bytes: Uint8Array): { tags: Tag[]; overrun?: Uint8Array } {
  const tags: Tag[] = [];
  let at = 0;
  while (at < bytes.length) {
    const length = bytes[at + 1];
    if (length === undefined || at + 2 + length > bytes.length) return { tags, overrun: bytes.slice(at) };
    tags.push({ id: bytes[at] ?? 0, value: bytes.slice(at + 2, at + 2 + length) });
    at += 2 + length;
  }
  return { tags };
}

export function writeTags(writer: Writer, { tags, overrun }: { tags: readonly Tag[]; overrun?: Uint8Array }): Writer {
  for (const { id, value } of tags) writer.u8(id).u8(value.length).raw(value);
  return overrun ? writer.raw(overrun) : writer;
}

/** @throws ShortError below 28 bytes */
export function readLocation(body: Uint8Array): Location {
  const reader = new Reader(body);
  return {
    alarms: reader.u32(),
    status: reader.u32(),
    latE6: reader.u32(),
    lonE6: reader.u32(),
    altitudeM: reader.u16(),
    speedTenthKmh: reader.u16(),
    headingDeg: reader.u16(),
    time: reader.hex(6),
    ...readTags(reader.rest()),
  };
}

export function writeLocation(location: Location): Uint8Array {
  const writer = new Writer()
    .u32(location.alarms)
    .u32(location.status)
    .u32(location.latE6)
    .u32(location.lonE6)
    .u16(location.altitudeM)
    .u16(location.speedTenthKmh)
    .u16(location.headingDeg)
    .hex(location.time, 6);
  return writeTags(writer, location).done();
}
