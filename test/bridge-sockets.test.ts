import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type BridgeRig, refusals, SOON, startBridgeRig } from './bridge-rig.ts';
import { Device } from './line-wire.ts';

let rig: BridgeRig;
beforeAll(async () => {
  rig = await startBridgeRig();
});
afterEach(() => rig.reset());
afterAll(() => rig?.stop());

const ago = (s: number) => new Date(Math.floor(Date.now() / 1_000) * 1_000 - s * 1_000).toISOString();
const record = (s: number, more: object = {}) => ({
  time: ago(s),
  seal: { rope: 'inserted', motor: 'locked' },
  battery: { percent: 60 + (s % 40) },
  ...more,
});

describe('what a device has sent', () => {
  test('is acknowledged on the wire when the platform has stored it, and not before; heartbeats at once', async () => {
    const bridge = await rig.start();
    const lock = await rig.device(bridge);
    lock.say({ what: 'records', n: 1, records: [record(60)] });
    await vi.waitFor(() => expect(lock.acks).toEqual([1]), SOON);
    expect(await rig.stored(lock.id)).toHaveLength(1);
    rig.hold(true);
    lock.say(
      { what: 'hello', n: 7 },
      { what: 'records', n: 2, records: [record(50), record(40, { kind: 'backfill' })] },
    );
    await vi.waitFor(() => expect(lock.heard).toContainEqual({ hello: 7 }), SOON);
    // The platform has stored it meanwhile; its word of that is held back.
    await vi.waitFor(async () => expect(await rig.stored(lock.id)).toHaveLength(3), SOON);
    expect(lock.acks).toEqual([1]);
    rig.hold(false);
    await vi.waitFor(() => expect(lock.acks).toEqual([1, 2]), SOON);
  });

  test('is stored once however often it is sent, newest first, by this bridge and the next one', async () => {
    const first = await rig.start();
    const lock = await rig.device(first);
    const records = Array.from({ length: 30 }, (_, i) => record(10 * i));
    const parts = records.map((one, i) => ({ what: 'records' as const, n: i + 1, records: [one] }));
    lock.say(...parts, ...parts.slice(0, 9));
    await vi.waitFor(() => expect(lock.acks).toHaveLength(39), SOON);
    await first.stop();
    const again = rig.connected(await rig.start(), lock.id);
    again.say({ what: 'records', n: 1, records });
    await vi.waitFor(() => expect(again.acks).toEqual([1]), SOON);
    expect(await rig.stored(lock.id)).toHaveLength(30);
    expect(await rig.quarantined(lock.id)).toEqual([]);
  });

  test('is kept with its bytes where it cannot be read; damaged, it is asked for again, five times', async () => {
    const lock = await rig.device(await rig.start());
    for (let i = 1; i < 5; i++) lock.say({ what: 'damaged', n: 9 });
    lock.say({ what: 'records', n: 10, records: [record(5)] });
    await vi.waitFor(() => expect(lock.acks).toEqual([10]), SOON);
    const hex = Buffer.from(JSON.stringify({ id: lock.id, what: 'damaged', n: 9 })).toString('hex');
    await vi.waitFor(async () => expect(JSON.stringify(await rig.quarantined(lock.id))).toContain(hex), SOON);
    lock.say({ what: 'damaged', n: 9 });
    await vi.waitFor(() => expect(lock.acks).toEqual([10, 9]), SOON);
  });

  test('by a clock that is a zone off is told and not acknowledged, however often, and taken once the clock is right', async () => {
    const bridge = await rig.start();
    const lock = await rig.device(bridge);
    const at = { position: { lon: 120, lat: 29.3, source: 'gnss' } };
    const ahead = record(-8 * 3_600, at);
    for (let n = 0; n < 6; n++) lock.say({ what: 'records', n: 1, records: [ahead] });
    await vi.waitFor(async () => expect(await refusals(bridge.registry, 'zone')).toBe(6), SOON);
    expect(JSON.stringify(await rig.quarantined(lock.id))).toContain('wrong zone');
    lock.say({ what: 'records', n: 2, records: [record(2, at)] });
    await vi.waitFor(() => expect(lock.acks).toEqual([2]), SOON);
    expect(await rig.stored(lock.id)).toHaveLength(1);
  });

  test('hours ago is taken, whichever record of the lock comes first', async () => {
    const lock = await rig.device(await rig.start());
    const at = { position: { lon: 120, lat: 29.3, source: 'gnss' } };
    lock.say({ what: 'records', n: 1, records: [record(2 * 3_600 + 60, at)] });
    await vi.waitFor(() => expect(lock.acks).toEqual([1]), SOON);
    expect(await rig.stored(lock.id)).toHaveLength(1);
  });

  test('is stored and acknowledged before the bridge ends', async () => {
    const bridge = await rig.start();
    const lock = await rig.device(bridge);
    lock.say({ what: 'records', n: 8, records: [record(9)] });
    await vi.waitFor(() => expect(lock.acks).toEqual([8]), SOON);
    rig.hold(true);
    lock.say({ what: 'records', n: 1, records: [record(3)] });
    await vi.waitFor(async () => expect(await rig.stored(lock.id)).toHaveLength(2), SOON);
    const stopped = bridge.stop();
    rig.hold(false);
    await stopped;
    await vi.waitFor(() => expect(lock.isClosed).toBe(true), SOON);
    expect(lock.acks).toEqual([8, 1]);
  });
});

describe('who connects', () => {
  test('an id that nobody has registered gets no word, is closed, counted and shown', async () => {
    const bridge = await rig.start();
    const stranger = rig.connected(bridge, '0000000042');
    await vi.waitFor(() => expect(stranger.isClosed).toBe(true), SOON);
    expect(stranger.heard).toEqual([]);
    expect(await refusals(bridge.registry, 'unknown')).toBe(1);
    await vi.waitFor(async () => {
      const { body } = await rig.platform.call<{ strangers: object[] }>('GET', '/bridge');
      expect(body.strangers).toContainEqual(
        expect.objectContaining({ wireId: '0000000042', network: '127.0.0.0/24', why: 'unknown' }),
      );
    }, SOON);
  });

  test('a lock that may come from other networks alone is turned away, and one of these is let in', async () => {
    const bridge = await rig.start();
    await rig.device(bridge, { networks: ['127.0.0.0/8'] });
    const away = rig.connected(bridge, await rig.register({ networks: ['10.20.0.0/16'] }));
    await vi.waitFor(() => expect(away.isClosed).toBe(true), SOON);
    expect(await refusals(bridge.registry, 'network')).toBe(1);
  });

  test('a second connection under a living id takes its place, and both are an alarm; after a lost one there is none', async () => {
    const bridge = await rig.start();
    const first = await rig.device(bridge);
    const second = rig.connected(bridge, first.id);
    second.say({ what: 'records', n: 5, records: [record(1)] });
    await vi.waitFor(() => expect(second.acks).toEqual([5]), SOON);
    await vi.waitFor(async () => expect(await refusals(bridge.registry, 'second-connection')).toBe(1), SOON);
    expect(first.isClosed).toBe(true);
    second.close();
    const third = rig.connected(bridge, first.id);
    await vi.waitFor(() => expect(third.heard).toContainEqual({ hello: 0 }), SOON);
    expect(await refusals(bridge.registry, 'second-connection')).toBe(1);
  });

  test('a device that has closed its connection and comes again is one device, though the bridge has read neither so far', async () => {
    const bridge = await rig.start();
    const first = await rig.device(bridge);
    first.say({ what: 'records', n: 0, records: [record(20)] });
    await vi.waitFor(() => expect(first.acks).toEqual([0]), SOON);
    rig.hold(true);
    first.say({ what: 'records', n: 1, records: [record(9)] });
    await vi.waitFor(async () => expect(await rig.stored(first.id)).toHaveLength(2), SOON);
    // Its acknowledgement is on the way: what comes behind it waits in the socket, and so does the end.
    first.say({ what: 'records', n: 2, records: [record(8)] });
    first.socket.end();
    const again = rig.connected(bridge, first.id);
    await vi.waitFor(() => expect(again.heard).toContainEqual({ hello: 0 }), SOON);
    rig.hold(false);
    again.say({ what: 'records', n: 2, records: [record(8)] });
    await vi.waitFor(() => expect(again.acks).toEqual([2]), SOON);
    await vi.waitFor(() => expect(first.isClosed).toBe(true), SOON);
    expect(await refusals(bridge.registry, 'second-connection')).toBe(0);
  });

  test('a connection speaks for one lock', async () => {
    const bridge = await rig.start();
    const lock = await rig.device(bridge);
    const other = await rig.register();
    lock.socket.write(`${JSON.stringify({ id: other, what: 'records', n: 1, records: [record(1)] })}\n`);
    await vi.waitFor(() => expect(lock.isClosed).toBe(true), SOON);
    expect(await rig.stored(other)).toEqual([]);
    expect(await refusals(bridge.registry, 'another-id')).toBe(1);
  });

  test('a lock that is retired loses its connection', async () => {
    const lock = await rig.device(await rig.start());
    await rig.platform.call('POST', `/locks/${lock.id}/retire`, {});
    await vi.waitFor(() => expect(lock.isClosed).toBe(true), SOON);
  });

  test('nobody says nothing for long, and no address has more than its connections', async () => {
    const bridge = await rig.start({ limits: { nameWithinMs: 300, connectionsOfAddress: 2 } });
    const silent = new Device(bridge.port, 'x');
    rig.devices.push(silent);
    await vi.waitFor(() => expect(silent.isClosed).toBe(true), SOON);
    await Promise.all([rig.device(bridge), rig.device(bridge)]);
    const third = rig.connected(bridge, await rig.register());
    await vi.waitFor(() => expect(third.isClosed).toBe(true), SOON);
    expect(await refusals(bridge.registry, 'connections-of-address')).toBe(1);
  });
});

describe('a command', () => {
  test('is written to the lock, and done when the lock says so', async () => {
    const lock = await rig.device(await rig.start());
    const commandId = await rig.order(lock.id, { type: 'interval', intervalS: 30 });
    await vi.waitFor(() => expect(lock.commands).toMatchObject([{ do: 'interval' }]), SOON);
    expect((await rig.commandOf(lock.id, commandId)).state).toBe('sent');
    lock.say({ what: 'answer', to: lock.commands[0]!.serial! });
    await vi.waitFor(async () => expect((await rig.commandOf(lock.id, commandId)).state).toBe('done'), SOON);
  });

  test('that the lock cannot do is refused with the reason', async () => {
    const lock = await rig.device(await rig.start());
    const commandId = await rig.order(lock.id, { type: 'reboot' });
    await vi.waitFor(
      async () =>
        expect(await rig.commandOf(lock.id, commandId)).toMatchObject({
          state: 'refused',
          reason: expect.stringContaining('afar'),
        }),
      SOON,
    );
  });

  test('that moves the lock is written once, and without an answer it is failed, as uncertain', async () => {
    const ledgerPath = join(rig.folder, 'unlocks');
    const first = await rig.start({ ledgerPath, answerWithinMs: 60_000 });
    const lock = await rig.device(first);
    const commandId = await rig.order(lock.id, { type: 'seal' });
    await vi.waitFor(() => expect(lock.commands).toHaveLength(1), SOON);
    // Killed, not stopped: nothing more is said to the platform, which brings the command again.
    rig.hold(true);
    void first.stop();
    rig.leave(first);
    lock.close();
    rig.hold(false);
    const again = rig.connected(await rig.start({ ledgerPath }), lock.id);
    await vi.waitFor(
      async () =>
        expect(await rig.commandOf(lock.id, commandId)).toMatchObject({
          state: 'failed',
          reason: expect.stringContaining('uncertain'),
        }),
      SOON,
    );
    expect(again.commands).toEqual([]);
  });

  test('that the lock never answers ends, and the next one is written', async () => {
    const lock = await rig.device(await rig.start({ answerWithinMs: 200 }));
    const unanswered = await rig.order(lock.id, { type: 'seal' });
    const next = await rig.order(lock.id, { type: 'locate' });
    await vi.waitFor(
      async () =>
        expect(await rig.commandOf(lock.id, unanswered)).toMatchObject({
          state: 'failed',
          reason: expect.stringContaining('uncertain'),
        }),
      SOON,
    );
    await vi.waitFor(() => expect(lock.commands.map((one) => one.do)).toEqual(['seal', 'locate']), SOON);
    expect((await rig.commandOf(lock.id, next)).state).not.toBe('queued');
  });
});

test('no secret is logged', async () => {
  const text = await readFile(join(rig.folder, 'key'), 'utf8');
  expect(rig.kept.text()).not.toContain(text.trim());
});
