import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTcp } from 'node:net';
import type { Reply, Report, RouteInput } from '@sealwatch/schemas';
import {
  commandTopic,
  PassageQuestion,
  Place,
  Reply as ReplySchema,
  Report as ReportSchema,
  Route,
  TripDeclaration,
} from '@sealwatch/schemas';
import { Aedes } from 'aedes';
import type { Path } from '../src/path.ts';
import { nearest, pathOf } from '../src/path.ts';

interface FakeTrip {
  tripId: string;
  status: string;
  risk: 'green' | 'red';
  /** fix times of the first fix outside and the one that confirmed it */
  outsideAt: string[];
  lockId: string;
  departedMs: number;
  containerNo: string;
  tractorPlate: string;
  unlockId?: string;
}

/** As much of the platform as the simulator touches, with a plain rule: red once a GNSS fix is 300 m off the road. */
export interface FakePlatform {
  http: string;
  mqtt: string;
  key: string;
  trips: Map<string, FakeTrip>;
  /** by lock, then `boot/seq` */
  records: Map<string, Map<string, Report>>;
  replies: Reply[];
  duplicates: number;
  conflicts: string[];
  invalid: string[];
  /** lock of each payload or record that could not be kept */
  quarantine: string[];
  /** `boot/seq` of records that were acknowledged and are then not shown: a platform that loses */
  hidden: Set<string>;
  largestBatch: number;
  calls: string[];
  /** acknowledges nothing for so long after the first report, ms: a platform that stalls */
  stallMs: number;
  refusesLocks: boolean;
  forget(): void;
  close(): Promise<void>;
}

const STATUS_AFTER: Record<string, string> = {
  release: 'released',
  hang: 'hung',
  seal: 'in-transit',
  close: 'closed',
  cancel: 'cancelled',
};

type Answer = { status: number; body: unknown };

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part));
  const text = Buffer.concat(parts).toString();
  return text === '' ? undefined : JSON.parse(text);
}

const problem = (status: number, code: string, detail: string): Answer => ({
  status,
  body: { type: 'about:blank', title: code, status, code, detail },
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function startFakePlatform(key = 'k'.repeat(32)): Promise<FakePlatform> {
  const secrets = new Map<string, string>();
  let road: Path | undefined;
  let firstMs: number | undefined;
  const fake: FakePlatform = {
    http: '',
    mqtt: '',
    key,
    trips: new Map(),
    records: new Map(),
    replies: [],
    duplicates: 0,
    conflicts: [],
    invalid: [],
    quarantine: [],
    hidden: new Set(),
    largestBatch: 0,
    calls: [],
    stallMs: 0,
    refusesLocks: false,
    forget: () => {
      secrets.clear();
      fake.trips.clear();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => broker.close(() => resolve()));
      // A client that was refused would be kept until its time to connect is over.
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };

  const broker = await Aedes.createBroker({
    authenticate: (client, username, password, done) => {
      const right = !fake.refusesLocks && username === client.id && secrets.get(client.id) === password?.toString();
      if (right) done(null, true);
      else done(Object.assign(new Error('not known'), { returnCode: 5 }), false);
    },
    authorizePublish: (client, packet, done) => {
      const lockId = client?.id ?? '';
      if (packet.topic.endsWith('/reply')) take(lockId, packet.payload.toString(), 'reply');
      else take(lockId, packet.payload.toString(), 'report');
      if (fake.stallMs === 0) return done(null);
      firstMs ??= Date.now();
      setTimeout(() => done(null), Math.max(0, firstMs + fake.stallMs - Date.now()));
    },
  });

  const take = (lockId: string, text: string, what: 'reply' | 'report') => {
    const json = parse(text);
    if (json === undefined) {
      fake.quarantine.push(lockId);
      return;
    }
    if (what === 'reply') {
      const reply = ReplySchema.parse(json);
      fake.replies.push(reply);
      const trip = [...fake.trips.values()].find((one) => one.unlockId === reply.commandId);
      if (trip && reply.result === 'done') trip.status = 'closed';
      return;
    }
    const list = Array.isArray(json) ? json : [json];
    fake.largestBatch = Math.max(fake.largestBatch, list.length);
    for (const item of list) {
      const read = ReportSchema.safeParse(item);
      if (!read.success) {
        fake.invalid.push(text);
        fake.quarantine.push(lockId);
      }
      if (read.success) keep(lockId, read.data);
    }
  };

  const keep = (lockId: string, report: Report) => {
    const mine = fake.records.get(lockId) ?? new Map<string, Report>();
    fake.records.set(lockId, mine);
    const id = `${report.boot}/${report.seq}`;
    const before = mine.get(id);
    if (before) {
      fake.duplicates += 1;
      if (JSON.stringify(before) !== JSON.stringify(report)) {
        fake.conflicts.push(`${lockId} ${id}`);
        fake.quarantine.push(lockId);
      }
      return;
    }
    mine.set(id, report);
    const trip = [...fake.trips.values()].find((one) => one.lockId === lockId && one.status === 'in-transit');
    if (!trip || !road || report.position?.source !== 'gnss' || Date.parse(report.time) < trip.departedMs) return;
    if (nearest(road, report.position).distanceM < 250) return;
    trip.outsideAt.push(report.time);
    if (trip.outsideAt.length > 1) trip.risk = 'red';
  };

  const answer = (method: string, path: string, query: URLSearchParams, body: unknown): Answer => {
    const [kind = '', id = '', act = ''] = path.split('/').slice(3);
    if (method === 'PUT' && kind === 'routes') {
      const route = Route.parse(body as RouteInput);
      const line = route.geometry.type === 'LineString' ? route.geometry.coordinates : [];
      road = pathOf(line.map(([lon, lat]) => ({ lon, lat })));
      return { status: 200, body: {} };
    }
    if (method === 'PUT' && kind === 'places') return { status: 200, body: Place.parse(body) };
    if (kind === 'locks' && id === 'import') {
      const { locks } = body as { locks: { lockId: string }[] };
      const items = locks.map(({ lockId }) => ({ lockId, secret: `secret-of-${lockId}` }));
      for (const { lockId, secret } of items) secrets.set(lockId, secret);
      return { status: 201, body: { items } };
    }
    if (kind === 'locks' && act === 'reports') {
      const items = [...(fake.records.get(id)?.values() ?? [])];
      return {
        status: 200,
        body: { items: items.filter((report) => !fake.hidden.has(`${report.boot}/${report.seq}`)) },
      };
    }
    if (kind === 'quarantine') return { status: 200, body: { items: fake.quarantine.map((lockId) => ({ lockId })) } };
    if (kind === 'alarms') return { status: 200, body: { items: alarmsOf(query.get('tripId') ?? '') } };
    if (kind === 'locks')
      return secrets.has(id) ? { status: 200, body: { lockId: id } } : problem(404, 'not-found', id);
    if (kind === 'trips' && id === '') return declare(TripDeclaration.parse(body));
    if (kind === 'gates') return passage(PassageQuestion.parse(body));
    const trip = fake.trips.get(id);
    if (kind !== 'trips' || !trip) return problem(404, 'not-found', `no ${kind} ${id}`);
    trip.status = STATUS_AFTER[act] ?? trip.status;
    return { status: 200, body: trip };
  };

  const alarmsOf = (tripId: string): object[] => {
    const trip = fake.trips.get(tripId);
    const [startedAt, confirmedAt] = [...(trip?.outsideAt ?? [])].sort();
    if (!trip || confirmedAt === undefined) return [];
    const alarm = {
      alarmId: tripId,
      tripId,
      lockId: trip.lockId,
      rule: 'route.deviation',
      kind: 'latched',
      severity: 'critical',
      state: 'returned',
      active: true,
      startedAt,
      confirmedAt,
      raisedAt: new Date().toISOString(),
      detectedLate: true,
      evidence: {},
    };
    return [alarm];
  };

  const declare = (declaration: TripDeclaration): Answer => {
    const tripId = crypto.randomUUID();
    const unit = declaration.units[0]!;
    if ([...fake.trips.values()].some((one) => one.lockId === unit.lockId && !/closed|cancelled/.test(one.status))) {
      return problem(409, 'lock-in-use', unit.lockId);
    }
    const trip: FakeTrip = {
      tripId,
      status: declaration.takeover ? 'in-transit' : 'declared',
      risk: 'green',
      outsideAt: [],
      lockId: unit.lockId,
      departedMs: Date.parse(declaration.takeover?.departedAt ?? new Date().toISOString()),
      containerNo: unit.containerNo,
      tractorPlate: declaration.vehicle.tractorPlate,
    };
    fake.trips.set(tripId, trip);
    return { status: 201, body: trip };
  };

  const passage = (question: PassageQuestion): Answer => {
    const trip = [...fake.trips.values()].find(
      (one) => one.lockId === question.lockIds[0] && one.status === 'in-transit',
    );
    if (!trip) return problem(404, 'no-trip', 'no such trip');
    const red = trip.risk === 'red';
    if (!red) {
      trip.unlockId = crypto.randomUUID();
      trip.status = 'verified';
      const command = { v: 1, commandId: trip.unlockId, type: 'unlock' };
      broker.publish(
        {
          cmd: 'publish',
          qos: 1,
          retain: false,
          dup: false,
          topic: commandTopic(trip.lockId),
          payload: Buffer.from(JSON.stringify(command)),
        },
        () => undefined,
      );
    }
    const body = {
      passageId: question.passageId,
      verdict: red ? 'alarm' : 'release',
      code: red ? 'N' : 'Y',
      lane: red ? 'inspection' : 'fast',
      tripId: trip.tripId,
      reasons: red ? [{ rule: 'route.deviation', text: 'off the route' }] : [],
      writtenOff: !red,
      display: red ? '转查验' : '放行 快速通道',
      decidedInMs: 1,
    };
    return { status: 200, body };
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://fake');
    const body = await bodyOf(request);
    fake.calls.push(`${request.method} ${path}`);
    const allowed = path === '/readyz' || request.headers.authorization === `Bearer ${key}`;
    const result = allowed
      ? path === '/readyz'
        ? { status: 200, body: {} }
        : answer(request.method ?? '', path, searchParams, body)
      : problem(401, 'unauthenticated', 'this key is not known');
    response.writeHead(result.status, { 'content-type': 'application/json' }).end(JSON.stringify(result.body));
  };
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      fake.invalid.push(`${request.method} ${request.url}: ${String(error)}`);
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify(problem(400, 'invalid', String(error)).body));
    });
  });
  const sockets = new Set<Socket>();
  const tcp = createTcp((socket) => {
    sockets.add(socket);
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  fake.http = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  fake.mqtt = `mqtt://127.0.0.1:${(tcp.address() as AddressInfo).port}`;
  return fake;
}
