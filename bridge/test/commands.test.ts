import { describe, expect, it } from 'vitest';
import { answersTo, decode, provesOpening, readAnswer, Session, Splitter, writeCommand } from '../src/index.ts';
import { encodeFrame, type Header } from '../src/jt808/frame.ts';
import { type Message, writeMessage } from '../src/jt808/messages.ts';
import { toLatin } from '../src/wire/bytes.ts';
import { bytesOf, FRAMES } from './frames.ts';
import { profileOf } from './profiles.ts';

const ID = '3c3f7a52-6a8b-4a5c-9a55-0d0b52f3c0de';
const command = (type: 'interval' | 'seal' | 'unlock' | 'locate' | 'reboot' | 'secret', intervalS?: number) => ({
  v: 1 as const,
  commandId: ID,
  type,
  ...(intervalS === undefined ? {} : { intervalS }),
});
const header = (shape: Header['shape'] = '2013'): Header => ({
  id: 0x0002,
  flags: 0,
  shape,
  phone: shape === '2019' ? '00000000013912344323' : '013912344323',
  serial: 3,
});
const target = { header: header(), deviceId: '8000620011', serial: 41, password: '113271' };
const first = (bytes: Uint8Array) => decode(new Splitter().push(bytes)[0]!);
const known = (n: number) => decode(new Splitter().push(bytesOf(FRAMES.find((frame) => frame.n === n)!))[0]!);
const text = (written: ReturnType<typeof writeCommand>) => ('bytes' in written ? toLatin(written.bytes) : written);
const line = (words: string) => first(Uint8Array.from(Buffer.from(`(8000620011,${words})`)));
const asked = { nowMs: Date.UTC(2026, 11, 1, 7, 8, 9), serial: () => 5, code: 'abc' };
const uplink = (id: number, message: Message, shape: Header['shape'] = '2013') =>
  first(encodeFrame({ ...header(shape), id }, writeMessage(id, message, shape)));

describe('a command', () => {
  it.each([
    ['jointech-701d', command('interval', 30), '(P04,1,30,5)'],
    ['jointech-701d', command('unlock'), '(P52,3,113271)'],
    ['jointech-701', command('unlock'), '(P43,113271)'],
    ['jointech-705a', command('unlock'), '(8000620011,1,001,ELOCK,3,113271)'],
    ['jointech-701d', command('locate'), '(P02)'],
    ['jointech-701d', command('reboot'), '(P15)'],
  ])('for %s %o is the line %s', (profile, given, wanted) => {
    expect(text(writeCommand(given, profileOf(profile), target))).toBe(wanted);
  });

  it.each([
    [command('interval', 30), 0x8103, { parameters: [{ id: 0x27 }, { id: 0x29, value: Uint8Array.of(0, 0, 0, 30) }] }],
    [command('locate'), 0x8201, {}],
    [command('reboot'), 0x8105, { command: 4 }],
    [command('unlock'), 0x8500, { form: '2013', bits: 0 }],
    [command('seal'), 0x8500, { form: '2013', bits: 1 }],
  ])('of JT/T 808 %o is the message %i with the number of the platform', (given, id, wanted) => {
    const written = writeCommand(given, profileOf('jt808'), target);
    expect(written).toMatchObject({ expects: { by: 'reply', id, serial: 41 } });
    const decoded = 'bytes' in written ? first(written.bytes) : undefined;
    expect(decoded).toMatchObject({ header: { id, serial: 41 }, message: wanted, faults: [] });
  });

  it('speaks to a lock of 2019 in its own header and form', () => {
    const written = writeCommand(command('unlock'), profileOf('jt808'), { ...target, header: header('2019') });
    expect('bytes' in written && first(written.bytes)).toMatchObject({
      header: { shape: '2019', phone: '00000000013912344323' },
      message: { form: '2019', items: [{ type: 1, value: 1 }] },
    });
  });

  it.each([
    ['jointech-701d', command('seal'), 'locks itself'],
    ['jointech-707', command('unlock'), 'no command that opens it'],
    ['jointech-705a', command('interval', 30), 'no command for its interval'],
    ['jointech-701d', command('interval', 4_000), '5 to 3600 s'],
    ['jointech-701d', command('interval'), 'intervalS'],
    ['jointech-701d', command('secret'), 'no secret of its own'],
  ])('that %s cannot do (%o) is refused with the reason', (profile, given, reason) => {
    expect(writeCommand(given, profileOf(profile), target)).toEqual({ refused: expect.stringContaining(reason) });
  });

  it('without the password, or with one that would end the line, opens nothing', () => {
    const { password: _, ...without } = target;
    expect(writeCommand(command('unlock'), profileOf('jointech-701d'), without)).toHaveProperty('refused');
    const odd = { ...target, password: '1)(P15' };
    expect(writeCommand(command('unlock'), profileOf('jointech-701d'), odd)).toHaveProperty('refused');
  });
});

describe('an answer', () => {
  const expects = { by: 'reply' as const, id: 0x8103, serial: 41 };
  const reply = (serial: number, id: number, result: number) =>
    uplink(0x0001, { type: 'terminal-reply', serial, id, result });

  it.each([
    [0, 'done'],
    [1, 'failed'],
    [2, 'failed'],
    [3, 'refused'],
  ])('with result %i ends a command as %s', (result, wanted) => {
    expect(readAnswer(reply(41, 0x8103, result), expects)).toMatchObject({ result: wanted });
  });

  it('to another number or another message is none', () => {
    expect(readAnswer(reply(40, 0x8103, 0), expects)).toBeUndefined();
    expect(readAnswer(reply(41, 0x8105, 0), expects)).toBeUndefined();
  });

  it('to an unlock is never a proof: an event of the lock is', () => {
    expect(readAnswer(reply(41, 0x8500, 0), { ...expects, id: 0x8500 })).toEqual({ result: 'accepted' });
    const by = { by: 'line' as const, word: 'P52', values: ['3'] };
    expect(readAnswer(line('P52,3,1,0'), by)).toEqual({ result: 'accepted' });
    expect(readAnswer(line('P52,3,0,2'), by)).toMatchObject({ result: 'refused' });
    expect(readAnswer(line('P52,2,113271'), by)).toBeUndefined();
    const profile = profileOf('jointech-701d');
    const step = new Session(profile, 'x').take(new Splitter().push(bytesOf(FRAMES.find(({ n }) => n === 84)!))[0]!, 0);
    expect(provesOpening('8000620011', step.records, profile)).toBe(true);
    expect(provesOpening('8000620012', step.records, profile)).toBe(false);
  });

  it('of P04 is done only with the interval that was asked for', () => {
    const by = { by: 'line' as const, word: 'P04', values: ['30', '5'] };
    expect(readAnswer(line('P04,30,5'), by)).toEqual({ result: 'done' });
    expect(readAnswer(line('P04,60,30'), by)).toMatchObject({ result: 'refused' });
  });
});

describe('an acknowledgement', () => {
  const lines = (answers: ReturnType<typeof answersTo>) => answers.afterCommit.map(toLatin);

  it.each([
    [66, 'jointech-701d', '(P69,0,86)'],
    [84, 'jointech-701d', '(P69,0,24)'],
    [99, 'jointech-701d', '(P69,0,18)'],
    [75, 'jointech-701', '(P35)'],
    [84, 'jointech-701', '(P46)'],
    [95, 'jointech-701d', '(P52,2,113271)'],
  ])('of frame %i by %s is %s, after the commit alone', (n, profile, wanted) => {
    const answers = answersTo(known(n), profileOf(profile), asked);
    expect(lines(answers)).toEqual([wanted]);
    expect(answers.now).toEqual([]);
  });

  it('is not given where the lock asks for none', () => {
    expect(lines(answersTo(known(69), profileOf('jointech-701'), asked))).toEqual([]);
    expect(answersTo(known(93), profileOf('jointech-701d'), asked)).toMatchObject({ now: [], afterCommit: [] });
  });

  it('of 0x5501 is 0x4401 with the number of its record', () => {
    const { afterCommit } = answersTo(known(18), profileOf('jointech-705a'), asked);
    expect(Buffer.from(afterCommit[0]!).toString('hex')).toMatch(/^7e4401000385600900101747550100..7e$/);
    expect(first(afterCommit[0]!)).toMatchObject({
      message: { type: 'jt705-reply', id: 0x5501, result: 0 },
      faults: [],
    });
  });

  it.each([3, 27, 54, 63])('of frame %i, which holds records, waits for the commit', (n) => {
    const answers = answersTo(known(n), profileOf('jt808'), asked);
    expect(answers.now).toEqual([]);
    expect(first(answers.afterCommit[0]!)).toMatchObject({ header: { id: 0x8001 }, message: { result: 0 } });
  });

  it('of a frame that is not believed is none', () => {
    expect(answersTo(known(12), profileOf('jt808'), asked)).toMatchObject({ now: [], afterCommit: [] });
  });

  it('of what holds no record is given at once', () => {
    const now = (decoded: ReturnType<typeof first>) => first(answersTo(decoded, profileOf('jt808'), asked).now[0]!);
    expect(now(known(30))).toMatchObject({ header: { id: 0x8100 }, message: { serial: 10, result: 0, code: 'abc' } });
    expect(now(known(44))).toMatchObject({ message: { type: 'platform-reply', serial: 10, id: 2, result: 0 } });
    expect(now(known(60))).toMatchObject({ message: { type: 'platform-reply', id: 0x0102, result: 0 } });
    const rest = new Uint8Array(0);
    expect(now(uplink(0x0004, { type: 'time-request', rest }))).toMatchObject({ message: { time: '261201070809' } });
    expect(now(uplink(0x0109, { type: 'clock-request', rest }))).toMatchObject({
      message: { year: 2026, digits: [12, 1, 7, 8, 9], result: 0 },
    });
    expect(now(uplink(0x1007, { type: 'zone-sync', rest }))).toMatchObject({ message: { id: 0x1007, result: 0 } });
    expect(now(uplink(0x0fff, { type: 'raw', body: rest }))).toMatchObject({ message: { result: 3 } });
    expect(toLatin(answersTo(line('P22,2'), profileOf('jointech-701d'), asked).now[0]!)).toBe('(P22,011226070809)');
    const good = answersTo(uplink(0x0003, { type: 'logout', rest }), profileOf('jt808'), asked);
    expect(good).toMatchObject({ isEnd: true });
  });
});

describe('a session', () => {
  const part = (index: number, total: number, body: Uint8Array) =>
    new Splitter().push(
      encodeFrame({ ...header(), id: 0x0704, serial: 10 + index, flags: 0x2000, part: { total, index } }, body),
    )[0]!;

  it('joins the parts of a message in any order, and answers the whole once', () => {
    const decoded = known(27);
    if (!('header' in decoded)) throw new Error('no batch');
    const [a, b] = [decoded.body.slice(0, 50), decoded.body.slice(50)];
    const session = new Session(profileOf('jt808'), 'x');
    expect(session.take(part(2, 2, b), 0)).toMatchObject({ records: [], now: [], afterCommit: [] });
    const step = session.take(part(1, 2, a), 1);
    expect(step.records).toHaveLength(3);
    expect(step.afterCommit).toHaveLength(1);
    expect(session.heldBytes).toBe(0);
  });

  it('forgets parts whose others do not come, and takes no more than 32', () => {
    const session = new Session(profileOf('jt808'), 'x');
    session.take(part(1, 2, new Uint8Array(900)), 0);
    session.take(part(1, 33, new Uint8Array(900)), 1);
    expect(session.heldBytes).toBe(900);
    session.take(part(1, 3, new Uint8Array(100)), 40_000);
    expect(session.heldBytes).toBe(100);
  });
});
