import { announce } from '../../src/store/webhooks/outbox.ts';
import type { Webhooks } from '../../src/webhooks/webhooks.ts';
import {
  type Answer,
  addLock,
  addTrip,
  declaration,
  GATE,
  passage,
  ROUTE,
  raise,
  type TestPlatform,
  type TestTrip,
  takeover,
} from './platform.ts';

/** One call, ready to be sent by whoever tries it. */
export interface Write {
  url: string;
  body?: unknown;
  raw?: string;
  headers?: Record<string, string>;
}

/** What the matrix knows of one write route: whose objects it writes, and how to ask. */
export interface WriteRoute {
  /** The role that tries it. Default `supervisor`. */
  role?: 'gate' | 'admin' | 'supervisor' | 'tester';
  /** A new object of an office, and a write of it. */
  of?: (office: string) => Promise<Write>;
  /** A write of what belongs to no office. */
  shared?: () => Promise<Write>;
  /** A refusal that is not 403 or 404: of many objects each has its own result. */
  refused?: (answer: Answer) => boolean;
  /** Signed-in people alone: keys are refused, whatever their offices. */
  people?: true;
  /** Why it writes no object of anybody: it has neither `of` nor `shared`. */
  none?: string;
  /** Testers may: what it writes is simulated by being written. */
  testers?: true;
}

let serial = 0;

/** Hears of an event that no write of the table causes: each subscription would be told of each trip. */
const SUBSCRIPTION = { url: 'http://127.0.0.1:9/hook', types: ['lock.low-battery'] };

/** Every write route, by method and path; a route that is missing fails the test. */
export function writeRoutes(platform: TestPlatform, webhooks: () => Webhooks): Record<string, WriteRoute> {
  const ends = (office: string) => ({ originOffice: office, destinationOffice: office });
  const realLock = () => addLock(platform, false);
  /** A trip of a real lock; keys take over simulated ones alone. */
  const tripOf = async (office: string, more: object = { takeover: takeover() }) => {
    const trip = await addTrip(platform, { ...ends(office), ...more });
    await platform.pool.query('UPDATE locks SET simulated = false WHERE lock_id = $1', [trip.lockId]);
    await platform.pool.query('UPDATE trips SET simulated = false WHERE trip_id = $1', [trip.tripId]);
    return trip;
  };
  const onTrip =
    (act: string, body: object = {}) =>
    async (office: string): Promise<Write> => ({ url: `trips/${(await tripOf(office)).tripId}/${act}`, body });
  const onLock =
    (act: string, body: object = {}) =>
    async (office: string): Promise<Write> => ({ url: `locks/${(await tripOf(office)).lockId}/${act}`, body });
  const onAlarm =
    (act: string, body: object = {}) =>
    async (office: string): Promise<Write> => ({
      // Of a critical one no key disposes, whatever its office.
      url: `alarms/${await raise(platform, await tripOf(office), { severity: 'major' })}/${act}`,
      body,
    });
  const onCommand = (act: string) => async (office: string) => {
    const { lockId } = await tripOf(office);
    const command = await platform.call('POST', `locks/${lockId}/commands`, { body: { type: 'locate' } });
    return { url: `locks/${lockId}/commands/${String(command.body.commandId)}/${act}`, body: {} };
  };
  const train = async (office: string) => {
    const { vehicle: _, units, ...common } = declaration(await realLock(), ends(office));
    return { ...common, convoyNo: `X${++serial}`, units: units.map((unit) => ({ ...unit, wagonNo: '5000001' })) };
  };
  const onConvoy =
    (act: string, body: object = {}) =>
    async (office: string): Promise<Write> => {
      const convoy = await platform.call('POST', 'convoys', { body: await train(office) });
      return { url: `convoys/${String(convoy.body.convoyId)}/${act}`, body };
    };
  const gateOf = async (office: string) => {
    const gateId = `gate-${++serial}`;
    const place = { ...GATE, properties: { ...GATE.properties, office } };
    await platform.call('PUT', `places/${gateId}`, { body: place });
    return { gateId, place };
  };
  const subscriptionOf = async (office?: string) => {
    const body = { ...SUBSCRIPTION, ...(office === undefined ? {} : { office }) };
    return String((await platform.call('POST', 'subscriptions', { body })).body.subscriptionId);
  };
  const onSubscription = (act: string): Pick<WriteRoute, 'of' | 'shared'> => ({
    of: async (office) => ({ url: `subscriptions/${await subscriptionOf(office)}${act}` }),
    shared: async () => ({ url: `subscriptions/${await subscriptionOf()}${act}` }),
  });
  const onPerson =
    (act = '', body?: object) =>
    async (office: string): Promise<Write> => {
      const name = `p${++serial}`;
      await platform.call('POST', 'users', { body: { name, role: 'viewer', offices: [office] } });
      if (act === '/enable') await platform.call('DELETE', `users/${name}`);
      return { url: `users/${name}${act}`, ...(body === undefined ? {} : { body }) };
    };
  const refusedRow = async (trip: TestTrip) => {
    const { rows } = await platform.pool.query<{ quarantine_id: number }>(
      `INSERT INTO quarantine (lock_id, topic, reason, raw) VALUES ($1, $2, 'not-json', 'x') RETURNING quarantine_id`,
      [trip.lockId, `locks/${trip.lockId}/report`],
    );
    return rows[0]!.quarantine_id;
  };
  const stock = async () => ({ tripId: '', containerNo: '', plate: '', lockId: await realLock() });
  const noneReplayed = ({ body }: Answer) => body.items.length === 0;
  const until = () => new Date(Date.now() + 60_000).toISOString();
  const stocked = async (act: string, body: object = {}) => ({ url: `locks/${await realLock()}/${act}`, body });
  const contacts = [{ name: 'duty officer', phone: '+86 574 0000 0001' }];
  const shared = GATE.properties;

  return {
    'POST /approvals/{approvalId}/confirm': {
      none: 'signed-in people alone, of the office of its trip (custody.test.ts)',
    },
    'POST /approvals/{approvalId}/refuse': { none: 'as confirm' },
    'POST /bridge/exchange': { none: 'bridges alone, bound to no office (bridge.test.ts)' },
    'POST /bridge/decode': { none: 'it keeps nothing' },
    'POST /locks': { none: 'a lock belongs to no office until a trip holds it', testers: true },
    'POST /locks/import': { none: 'as POST /locks', testers: true },
    'POST /locks/{lockId}/commands': {
      of: onLock('commands', { type: 'locate' }),
      shared: () => stocked('commands', { type: 'locate' }),
    },
    'POST /locks/{lockId}/commands/{commandId}/cancel': { of: onCommand('cancel') },
    'POST /locks/{lockId}/commands/{commandId}/retry': { of: onCommand('retry') },
    'PUT /locks/{lockId}/sign-in': {
      people: true,
      of: onLock('sign-in', { signIn: 'either' }),
      shared: () => stocked('sign-in', { signIn: 'either' }),
    },
    'POST /locks/{lockId}/secret': { people: true, of: onLock('secret'), shared: () => stocked('secret') },
    'POST /locks/{lockId}/secret/rotate': { of: onLock('secret/rotate'), shared: () => stocked('secret/rotate') },
    'POST /locks/{lockId}/revocations': {
      of: onLock('revocations', { serial: '0a' }),
      shared: () => stocked('revocations', { serial: '0a' }),
    },
    'POST /locks/{lockId}/retire': { of: onLock('retire'), shared: () => stocked('retire') },
    'PUT /locks/{lockId}/block': {
      of: onLock('block', { reason: 'lost' }),
      shared: () => stocked('block', { reason: 'lost' }),
    },
    'PUT /routes/{routeId}': {
      shared: async () => ({
        url: 'routes/yiwu-daxie',
        body: { ...ROUTE, properties: { ...ROUTE.properties, halfWidthM: 100 + ++serial } },
      }),
    },
    'POST /routes/check': { none: 'writes nothing' },
    'POST /routes/what-if': { none: 'writes nothing' },
    'PUT /places/{placeId}': {
      of: async (office) => {
        const { gateId, place } = await gateOf(office);
        return { url: `places/${gateId}`, body: { ...place, properties: { ...place.properties, name: 'renamed' } } };
      },
      shared: async () => ({
        url: `places/shared-${++serial}`,
        body: { ...GATE, properties: { name: shared.name, kind: 'restricted' } },
      }),
    },
    'PUT /params/{layer}': {
      people: true,
      shared: async () => ({ url: 'params/platform', body: { 'power.low': { percent: 35 } } }),
    },
    'POST /trips': {
      of: async (office) => ({ url: 'trips', body: declaration(await realLock(), ends(office)) }),
    },
    'POST /trips/{tripId}/release': { of: onTrip('release') },
    'POST /trips/{tripId}/hang': { of: onTrip('hang') },
    'POST /trips/{tripId}/seal': { of: onTrip('seal') },
    'POST /trips/{tripId}/verify': { of: onTrip('verify') },
    'POST /trips/{tripId}/write-off': { of: onTrip('write-off') },
    'POST /trips/{tripId}/unlock': { of: onTrip('unlock') },
    'POST /trips/{tripId}/close': { of: onTrip('close') },
    'POST /trips/{tripId}/cancel': { of: onTrip('cancel', { reason: 'x' }) },
    'PUT /trips/{tripId}/hold': { of: onTrip('hold', { reason: 'x' }) },
    'PUT /trips/{tripId}/freeze': {
      people: true,
      of: (office) => onTrip('freeze', { reason: 'x', until: until() })(office),
    },
    'POST /convoys': { of: async (office) => ({ url: 'convoys', body: await train(office) }) },
    ...Object.fromEntries(
      ['release', 'hang', 'seal', 'verify', 'write-off', 'unlock', 'close'].map((act) => [
        `POST /convoys/{convoyId}/${act}`,
        {
          of: onConvoy(act),
          // Each box of a train has its own result.
          refused: ({ body }: Answer) =>
            body.items.every((item) => (item.problem as { code?: string })?.code === 'tester.simulated-only'),
        },
      ]),
    ),
    'POST /alarms/{alarmId}/acknowledge': { of: onAlarm('acknowledge') },
    'POST /alarms/{alarmId}/assign': { of: onAlarm('assign', { to: 'patrol' }) },
    'POST /alarms/{alarmId}/dispose': { of: onAlarm('dispose', { text: 'inspected' }) },
    'POST /alarms/{alarmId}/close': { of: onAlarm('close') },
    'POST /alarms/acknowledge': {
      of: async (office) => ({
        url: 'alarms/acknowledge',
        body: { alarmIds: [await raise(platform, await tripOf(office))] },
      }),
      refused: ({ body }) => body.items[0]?.result === 'refused',
    },
    'PUT /offices/{office}/contacts': {
      of: async (office) => ({ url: `offices/${office}/contacts`, body: { contacts } }),
    },
    'POST /gates/{gateId}/passages': {
      role: 'gate',
      of: async (office) => ({
        url: `gates/${(await gateOf(office)).gateId}/passages`,
        body: passage(await tripOf(office)),
      }),
      refused: ({ body }) => body.tripId === undefined,
    },
    'POST /gates/{gateId}/passages/{passageId}/decision': {
      of: async (office) => {
        const { gateId } = await gateOf(office);
        const asked = passage(await tripOf(office), { lockIds: [] });
        await platform.call('POST', `gates/${gateId}/passages`, { body: asked });
        return { url: `gates/${gateId}/passages/${asked.passageId}/decision`, body: { decision: 'inspect' } };
      },
    },
    'POST /jgs/14': {
      of: async (office) => ({
        url: 'jgs/14',
        raw: `<POSITION_INFO><MESSAGE_TYPE>4</MESSAGE_TYPE><ESEAL_ID>${(await tripOf(office)).lockId}</ESEAL_ID><COMMAND>X0030</COMMAND></POSITION_INFO>`,
        headers: { 'content-type': 'text/xml' },
      }),
      // A refusal is a message of its own there, with status 200.
      refused: ({ text }) => !text.includes('<RESULT>0</RESULT>'),
    },
    'POST /users': {
      role: 'admin',
      of: async (office) => ({ url: 'users', body: { name: `p${++serial}`, role: 'viewer', offices: [office] } }),
      shared: async () => ({ url: 'users', body: { name: `p${++serial}`, role: 'viewer', offices: [] } }),
    },
    'DELETE /users/{name}': { role: 'admin', of: onPerson() },
    'PATCH /users/{name}': { role: 'admin', of: onPerson('', { role: 'gate' }) },
    'POST /users/{name}/enable': { role: 'admin', of: onPerson('/enable', {}) },
    'POST /users/{name}/link': { role: 'admin', of: onPerson('/link') },
    'POST /users/{name}/unlock': { role: 'admin', of: onPerson('/unlock') },
    'DELETE /users/{name}/sessions': { role: 'admin', of: onPerson('/sessions') },
    'DELETE /users/{name}/sessions/{sessionId}': {
      role: 'admin',
      of: async (office) => {
        const name = `p${++serial}`;
        const made = await platform.call('POST', 'users', { body: { name, role: 'viewer', offices: [office] } });
        await platform.call('GET', made.body.signIn, { key: null });
        const [session] = (await platform.call('GET', `users/${name}/sessions`)).body.items;
        return { url: `users/${name}/sessions/${String(session?.sessionId)}` };
      },
    },
    'POST /users/{name}/second-factor/reset': {
      none: 'signed-in admins alone, of the person’s offices (second-factor.test.ts)',
    },
    'POST /session/code': { none: 'the caller’s own session' },
    'POST /account/second-factor': { none: 'the caller’s own' },
    'POST /account/second-factor/confirm': { none: 'the caller’s own' },
    'POST /account/second-factor/recovery-codes': { none: 'the caller’s own' },
    'POST /account/second-factor/remove': { none: 'the caller’s own' },
    'PUT /account/password': { none: 'the caller’s own password' },
    'DELETE /account/sessions/{sessionId}': { none: 'the caller’s own session' },
    'POST /account/sessions/end-others': { none: 'the caller’s own sessions' },
    'POST /keys': {
      role: 'admin',
      of: async (office) => ({ url: 'keys', body: { role: 'viewer', offices: [office] } }),
      shared: async () => ({ url: 'keys', body: { role: 'viewer', offices: [] } }),
    },
    'DELETE /keys/{keyId}': {
      role: 'admin',
      of: async (office) => {
        const made = await platform.call('POST', 'keys', { body: { role: 'viewer', offices: [office] } });
        return { url: `keys/${String(made.body.keyId)}` };
      },
    },
    'POST /keys/{keyId}/rotate': {
      role: 'admin',
      of: async (office) => {
        const made = await platform.call('POST', 'keys', { body: { role: 'viewer', offices: [office] } });
        return { url: `keys/${String(made.body.keyId)}/rotate`, body: {} };
      },
    },
    'POST /session': { none: 'signs the caller in' },
    'DELETE /session': { none: 'ends the caller’s own session' },
    'POST /subscriptions': {
      of: async (office) => ({ url: 'subscriptions', body: { ...SUBSCRIPTION, office } }),
    },
    'PATCH /subscriptions/{subscriptionId}': { ...onSubscription('') },
    'DELETE /subscriptions/{subscriptionId}': onSubscription(''),
    'POST /subscriptions/{subscriptionId}/rotate': onSubscription('/rotate'),
    'POST /subscriptions/{subscriptionId}/enable': onSubscription('/enable'),
    'POST /subscriptions/{subscriptionId}/deliveries/{deliveryId}/redeliver': {
      of: async (office) => {
        const url = `subscriptions/${await subscriptionOf(office)}/deliveries`;
        const { tripId } = await tripOf(office);
        await announce(platform.pool, { type: 'lock.low-battery', tripId, data: { tripId } });
        await webhooks().settled();
        const [delivery] = (await platform.call('GET', url)).body.items;
        return { url: `${url}/${delivery!.deliveryId}/redeliver` };
      },
    },
    'POST /simulator/runs': {
      role: 'tester',
      testers: true,
      shared: async () => ({ url: 'simulator/runs', body: { scenario: 'the-ramp' } }),
    },
    'POST /simulator/runs/{runId}/stop': {
      role: 'tester',
      testers: true,
      shared: async () => ({ url: `simulator/runs/${crypto.randomUUID()}/stop` }),
    },
    'POST /simulator/runs/{runId}/inject': {
      role: 'tester',
      testers: true,
      shared: async () => ({
        url: `simulator/runs/${crypto.randomUUID()}/inject`,
        body: { lockId: 'SIM0000001', what: 'ramp' },
      }),
    },
    'POST /quarantine/discard': {
      of: async (office) => {
        const trip = await tripOf(office);
        await refusedRow(trip);
        return { url: 'quarantine/discard', body: { lockId: trip.lockId } };
      },
      shared: async () => ({ url: 'quarantine/discard', body: { lockId: (await stock()).lockId } }),
    },
    'POST /quarantine/{quarantineId}/replay': {
      of: async (office) => ({ url: `quarantine/${await refusedRow(await tripOf(office))}/replay` }),
      shared: async () => ({ url: `quarantine/${await refusedRow(await stock())}/replay` }),
    },
    'POST /quarantine/replay': {
      of: async (office) => {
        const trip = await tripOf(office);
        await refusedRow(trip);
        return { url: 'quarantine/replay', body: { lockId: trip.lockId } };
      },
      shared: async () => {
        const lock = await stock();
        await refusedRow(lock);
        return { url: 'quarantine/replay', body: { lockId: lock.lockId } };
      },
      refused: noneReplayed,
    },
  };
}
