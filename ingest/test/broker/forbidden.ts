export const LOCK = 'JT70100001';
export const SECRET = 'a-secret-of-at-least-128-bits-of-chance';

type Case = [name: string, bytes: Buffer, reason: string];

const publishBytes = (first: number, topic: Buffer, ...rest: number[]) => {
  const body = Buffer.concat([Buffer.from([topic.length >> 8, topic.length & 255]), topic, Buffer.from(rest)]);
  return Buffer.concat([Buffer.from([first, body.length]), body]);
};
const TOPIC = Buffer.from(`locks/${LOCK}/report`);

/** Frames that MQTT 3.1.1 forbids a connected client, and the reason under which they are counted. */
export const FORBIDDEN: Case[] = [
  ['packet id 0', publishBytes(0x32, TOPIC, 0, 0, 0x7b, 0x7d), 'packet-id-0'],
  ['DUP with QoS 0', publishBytes(0x38, TOPIC, 0x7b, 0x7d), 'dup-with-qos-0'],
  ['QoS 3', publishBytes(0x36, TOPIC, 0, 1), 'qos-3'],
  ['U+0000 in a topic', publishBytes(0x32, Buffer.from('a\0b'), 0, 1), 'topic-characters'],
  ['a control character in a topic', publishBytes(0x32, Buffer.from('a\u0085b'), 0, 1), 'topic-characters'],
  ['a lone surrogate in a topic', publishBytes(0x32, Buffer.from([0xed, 0xa0, 0x80]), 0, 1), 'topic-characters'],
  ['an empty topic', publishBytes(0x30, Buffer.alloc(0)), 'topic-empty'],
  ['a topic longer than its frame', Buffer.from([0x30, 3, 0, 9, 0x61]), 'topic-cut-short'],
  ['reserved flags on SUBSCRIBE', Buffer.from([0x80, 8, 0, 1, 0, 3, 0x61, 0x2f, 0x62, 1]), 'reserved-flags'],
  ['SUBSCRIBE without a filter', Buffer.from([0x82, 2, 0, 1]), 'no-filter'],
  ['UNSUBSCRIBE without a filter', Buffer.from([0xa2, 2, 0, 1]), 'no-filter'],
  ['SUBSCRIBE to a + inside a level', Buffer.from('\x82\x0a\0\x01\0\x05ab/+e\x01', 'latin1'), 'filter-wildcard'],
  ['SUBSCRIBE to a # that is not last', Buffer.from('\x82\x08\0\x01\0\x03#/b\x01', 'latin1'), 'filter-wildcard'],
  ['UNSUBSCRIBE from a # inside a level', Buffer.from('\xa2\x07\0\x01\0\x03ab#', 'latin1'), 'filter-wildcard'],
  ['trailing bytes in PINGREQ', Buffer.from([0xc0, 1, 0]), 'trailing-bytes'],
  ['a remaining length without end', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff]), 'remaining-length'],
  ['a packet only servers send', Buffer.from([0x20, 2, 0, 0]), 'packet-type'],
  ['a second CONNECT', Buffer.from([0x10, 2, 0, 0]), 'second-connect'],
  ['PUBACK for packet id 0', Buffer.from([0x40, 2, 0, 0]), 'packet-id-0'],
];

const connectBytes = (flags: number, ...fields: string[]) => {
  const parts = fields.map((field) => Buffer.from(`\0${String.fromCharCode(field.length)}${field}`, 'latin1'));
  const body = Buffer.concat([Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, flags, 0, 60]), ...parts]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
};

/** As `FORBIDDEN`, of the first frame. */
export const FORBIDDEN_CONNECT: Case[] = [
  ['the reserved flag', connectBytes(0x03, LOCK), 'connect-reserved-flag'],
  ['a password without a user name', connectBytes(0x42, LOCK, SECRET), 'password-without-user'],
  ['will QoS 3', connectBytes(0x1e, LOCK, 'a', 'b'), 'will-qos-3'],
  ['will flags without a will', connectBytes(0x22, LOCK), 'will-flags-without-will'],
  ['U+0000 in the client id', connectBytes(0x02, 'JT\x000001'), 'client-id-characters'],
  ['bytes after its end', Buffer.concat([connectBytes(0x02, LOCK, 'more')]), 'connect-trailing-bytes'],
];
