import { isUtf8 } from 'node:buffer';
import { type FrameHeader, PACKET } from './frame.ts';

/** Flag bits that the fixed header of each packet must carry (MQTT 3.1.1 table 2.2); PUBLISH has its own. */
const REQUIRED_FLAGS: Record<number, number> = {
  [PACKET.connect]: 0,
  [PACKET.puback]: 0,
  [PACKET.pubrec]: 0,
  [PACKET.pubrel]: 2,
  [PACKET.pubcomp]: 0,
  [PACKET.subscribe]: 2,
  [PACKET.unsubscribe]: 2,
  [PACKET.pingreq]: 0,
  [PACKET.disconnect]: 0,
};

// C0 and C1 controls and the code points Unicode keeps from interchange (MQTT 3.1.1 §1.5.3 lets a server close on them).
const UNWANTED = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

/** A position in a frame; reads move it forward and answer undefined at the frame's end. */
interface Cursor {
  bytes: Buffer;
  at: number;
  end: number;
}

function readU16(cursor: Cursor): number | undefined {
  if (cursor.at + 2 > cursor.end) return undefined;
  const value = cursor.bytes.readUInt16BE(cursor.at);
  cursor.at += 2;
  return value;
}

/** Moves past a length-prefixed field. @returns `[from, to)` of its content */
function readField(cursor: Cursor): [from: number, to: number] | undefined {
  const length = readU16(cursor);
  if (length === undefined || cursor.at + length > cursor.end) return undefined;
  const from = cursor.at;
  cursor.at += length;
  return [from, cursor.at];
}

function isPlainText(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x20 || byte === 0x7f) return false;
    if (byte > 0x7f) {
      const text = bytes.subarray(from, to);
      return isUtf8(text) && !UNWANTED.test(text.toString('utf8'));
    }
  }
  return true;
}

/** Moves past a text. @returns what is wrong with it, or undefined */
function passText(cursor: Cursor, name: string): string | undefined {
  const field = readField(cursor);
  if (!field) return `${name}-cut-short`;
  return isPlainText(cursor.bytes, field[0], field[1]) ? undefined : `${name}-characters`;
}

function checkConnect(cursor: Cursor): string | undefined {
  const protocol = readField(cursor);
  if (!protocol || cursor.at + 4 > cursor.end) return 'connect-cut-short';
  const name = cursor.bytes.toString('latin1', protocol[0], protocol[1]);
  if (name !== 'MQTT' && name !== 'MQIsdp') return 'protocol-name';
  const level = cursor.bytes[cursor.at] ?? 0;
  const flags = cursor.bytes[cursor.at + 1] ?? 0;
  cursor.at += 4;
  // Another level has another layout; it is answered by its CONNACK.
  if (level !== (name === 'MQTT' ? 4 : 3)) return undefined;
  return checkConnectFlags(flags) ?? checkConnectPayload(cursor, flags);
}

/** Return codes of a CONNACK. */
const CONNACK = { level: 1, clientId: 2 } as const;

/**
 * Why a CONNECT that `wireProblem` lets pass is answered with a return code and the connection closed (MQTT 3.1.1
 * §3.1.2-2, §3.1.3-8); undefined if it goes to the broker.
 */
export function connectRefusal(
  bytes: Buffer,
  at: number,
  { headerBytes, bodyBytes }: FrameHeader,
): { code: number; reason: string } | undefined {
  const cursor: Cursor = { bytes, at: at + headerBytes, end: at + headerBytes + bodyBytes };
  const protocol = readField(cursor);
  const isMqtt = protocol !== undefined && bytes.toString('latin1', protocol[0], protocol[1]) === 'MQTT';
  if (bytes[cursor.at] !== (isMqtt ? 4 : 3)) return { code: CONNACK.level, reason: 'protocol-level' };
  const isClean = ((bytes[cursor.at + 1] ?? 0) & 0x02) !== 0;
  cursor.at += 4;
  const isNameless = readU16(cursor) === 0;
  return isNameless && !isClean ? { code: CONNACK.clientId, reason: 'client-id-empty' } : undefined;
}

function checkConnectFlags(flags: number): string | undefined {
  const will = (flags & 0x04) !== 0;
  if (flags & 0x01) return 'connect-reserved-flag';
  if ((flags & 0x18) === 0x18) return 'will-qos-3';
  if (!will && flags & 0x38) return 'will-flags-without-will';
  if (flags & 0x40 && !(flags & 0x80)) return 'password-without-user';
  return undefined;
}

function checkConnectPayload(cursor: Cursor, flags: number): string | undefined {
  const clientId = passText(cursor, 'client-id');
  if (clientId) return clientId;
  if (flags & 0x04) {
    const topic = passText(cursor, 'will-topic');
    if (topic) return topic;
    if (!readField(cursor)) return 'will-cut-short';
  }
  if (flags & 0x80) {
    const user = passText(cursor, 'user-name');
    if (user) return user;
  }
  if (flags & 0x40 && !readField(cursor)) return 'password-cut-short';
  return cursor.at === cursor.end ? undefined : 'connect-trailing-bytes';
}

function checkPublish(cursor: Cursor, flags: number): string | undefined {
  const qos = (flags >> 1) & 3;
  if (qos === 3) return 'qos-3';
  if (qos === 0 && flags & 0x08) return 'dup-with-qos-0';
  const topicAt = cursor.at + 2;
  const topic = passText(cursor, 'topic');
  if (topic) return topic;
  if (cursor.at === topicAt) return 'topic-empty';
  if (qos === 0) return undefined;
  const packetId = readU16(cursor);
  if (packetId === undefined) return 'publish-cut-short';
  return packetId === 0 ? 'packet-id-0' : undefined;
}

function checkFilters(cursor: Cursor, withQos: boolean): string | undefined {
  const packetId = readU16(cursor);
  if (packetId === undefined) return 'subscribe-cut-short';
  if (packetId === 0) return 'packet-id-0';
  if (cursor.at === cursor.end) return 'no-filter';
  while (cursor.at < cursor.end) {
    const from = cursor.at + 2;
    const filter = passText(cursor, 'filter');
    if (filter) return filter;
    if (cursor.at === from) return 'filter-empty';
    if (!hasWildcardsInPlace(cursor.bytes, from, cursor.at)) return 'filter-wildcard';
    if (!withQos) continue;
    const qos = cursor.at < cursor.end ? cursor.bytes[cursor.at++] : undefined;
    if (qos === undefined) return 'subscribe-cut-short';
    if (qos > 2) return 'subscribe-qos';
  }
  return undefined;
}

const SLASH = 0x2f;
const HASH = 0x23;
const PLUS = 0x2b;

/** A wildcard fills a whole level, and `#` is the last one (MQTT 3.1.1 §4.7.1). */
function hasWildcardsInPlace(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i];
    if (byte !== HASH && byte !== PLUS) continue;
    if (i > from && bytes[i - 1] !== SLASH) return false;
    if (i + 1 < to && (byte === HASH || bytes[i + 1] !== SLASH)) return false;
  }
  return true;
}

function checkAcknowledgement(cursor: Cursor): string | undefined {
  if (cursor.end - cursor.at !== 2) return 'acknowledgement-length';
  return readU16(cursor) === 0 ? 'packet-id-0' : undefined;
}

/**
 * What MQTT 3.1.1 forbids in a whole frame sent by a client, as a stable word for logs and counters; undefined if the
 * frame may pass. Reads each byte of texts once, and no payload.
 * @param at where the frame begins in `bytes`, which must hold the whole frame
 */
export function wireProblem(bytes: Buffer, at: number, header: FrameHeader): string | undefined {
  const cursor: Cursor = {
    bytes,
    at: at + header.headerBytes,
    end: at + header.headerBytes + header.bodyBytes,
  };
  if (header.type === PACKET.publish) return checkPublish(cursor, header.flags);
  const required = REQUIRED_FLAGS[header.type];
  if (required === undefined) return 'packet-type';
  if (header.flags !== required) return 'reserved-flags';
  switch (header.type) {
    case PACKET.connect:
      return checkConnect(cursor);
    case PACKET.subscribe:
      return checkFilters(cursor, true);
    case PACKET.unsubscribe:
      return checkFilters(cursor, false);
    case PACKET.pingreq:
    case PACKET.disconnect:
      return header.bodyBytes === 0 ? undefined : 'trailing-bytes';
    default:
      return checkAcknowledgement(cursor);
  }
}
