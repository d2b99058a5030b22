import { describe, expect, it } from 'vitest';
import { reportsOf } from '../src/index.ts';
import { encodeBinary } from '../src/jointech/binary.ts';
import { encodeLine } from '../src/jointech/text.ts';
import { encodeFrame } from '../src/jt808/frame.ts';
import { writeMessage } from '../src/jt808/messages.ts';
import { profileOf } from './profiles.ts';
import { framesOf, known, located, one, reports } from './reported.ts';

describe('a frame of Jointech', () => {
  const p45 = (source: string, verification: string, change = {}) => {
    const [decoded] = framesOf(known(84));
    if (decoded === undefined || !('line' in decoded) || decoded.line.type !== 'p45') throw new Error('no P45');
    const event = { ...decoded.line.event, source, verification, ...change };
    return one(encodeLine({ ...decoded.line, event }), 'jointech-701d');
  };
  const card = '0008627839';

  it.each([
    ['1', '1', { type: 'unlock', source: 'card', card, verified: true }],
    ['3', '98', { type: 'unlock', source: 'card', card, verified: true }],
    ['1', '99', { type: 'unlock', source: 'card', card, verified: false, reason: 'outside-area' }],
    ['1', '0', { type: 'unlock', source: 'card', card, verified: false, reason: 'refused' }],
    ['2', '0', { type: 'illegal-card', card }],
    ['4', '0', { type: 'wrong-password', count: 0 }],
    ['5', '0', { type: 'lock', source: 'auto' }],
    ['6', '7', { type: 'unlock', source: 'dynamic-password', card, verified: true }],
    ['7', '1', { type: 'unlock', source: 'bluetooth', card, verified: true }],
  ])('tells by P45 with source %s and verification %s what happened', (source, verification, event) => {
    expect(p45(source, verification).events).toEqual([event]);
  });

  it('tells by P45 with source 8 that the rope was pulled out', () => {
    expect(p45('8', '0')).toMatchObject({ seal: { rope: 'pulled' } });
    expect(p45('8', '0').events).toBeUndefined();
  });

  it('has packed degrees near the equator and decimal ones read as what they are', () => {
    const place = (lat: string, lon: string) => p45('5', '0', { lat, lon }).position;
    expect(place('0059.5000', '00010.2000')).toMatchObject({ lat: 0.9916667, lon: 0.17 });
    expect(place('59.5000', '10.2000')).toMatchObject({ lat: 59.5, lon: 10.2 });
    expect(place('2260.0000', '11325.0000')).toBeUndefined();
    expect(place('x', '10.2')).toBeUndefined();
  });

  const binary = (n: number, change: object, profile: string) => {
    const [decoded] = framesOf(known(n));
    if (decoded === undefined || !('record' in decoded)) throw new Error('no $');
    return one(encodeBinary({ ...decoded.record, ...change }), profile);
  };

  it.each([
    [0x20e0, { rope: 'inserted', motor: 'locked', cover: 'closed' }],
    [0x20e8, { rope: 'cut', motor: 'locked', cover: 'closed' }],
    [0x2020, { rope: 'pulled', motor: 'unlocked', cover: 'closed' }],
    [0x60e0, { rope: 'inserted', motor: 'stuck', cover: 'closed' }],
    [0x30e0, { rope: 'inserted', motor: 'locked', cover: 'opened' }],
    [0x00e0, { rope: 'inserted', motor: 'locked', cover: 'opened' }],
  ])('of a JT701D reads the status %i', (status, seal) => {
    expect(binary(66, { status }, 'jointech-701d').seal).toEqual(seal);
  });

  it('takes the bits of a state for events in alarm frames alone', () => {
    expect(binary(66, { status: 0x26f0, data: 1 }, 'jointech-701d').events).toBeUndefined();
    expect(binary(66, { status: 0x26f0, data: 2 }, 'jointech-701d').events).toEqual([
      { type: 'illegal-card' },
      { type: 'wrong-password', count: 5 },
      { type: 'vibration' },
    ]);
  });

  it('is live when it is seconds old, and history only as type 3', () => {
    expect([1, 2, 3, 4].map((data) => binary(66, { data }, 'jointech-701d').kind)).toEqual([
      'live',
      'live',
      'backfill',
      'live',
    ]);
  });

  it('reads knots as a number in $ and as two digits in 0x5501', () => {
    expect(binary(71, { speed: 0x12 }, 'jointech-701').position?.speedKmh).toBe(33.3);
    const [decoded] = framesOf(known(18));
    if (decoded === undefined || !('header' in decoded) || decoded.message.type !== 'jt705')
      throw new Error('no 0x5501');
    const { header, message } = decoded;
    const speed = (value: number) =>
      one(
        encodeFrame(header, writeMessage(0x5501, { ...message, record: { ...message.record, speed: value } }, 'short')),
        'jointech-705a',
      ).position?.speedKmh;
    expect([speed(0x12), speed(0x0a)]).toEqual([22.2, undefined]);
  });

  it('is not believed with a wrong checksum, unless its profile says so', () => {
    const spoilt = located({}).map((byte, i) => (i === 20 ? byte ^ 1 : byte));
    expect(reports(spoilt, 'jt808')).toEqual([]);
    const [decoded] = framesOf(spoilt);
    expect(reportsOf(decoded!, { ...profileOf('jt808'), checksum: 'ignore' }).records).toHaveLength(1);
  });
});
