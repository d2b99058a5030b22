import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import {
  type Alarm,
  type ClientToServer,
  encodeFrame,
  type FeedPassage,
  type ServerToClient,
} from '@sealwatch/schemas';
import { buffer } from '@turf/buffer';
import { Server, type Socket } from 'socket.io';
import { readRoad } from './road.ts';
import { World } from './world.ts';

/** What the platform sends with the page (ingest/src/api/server.ts); the page must live with it. */
const POLICY =
  "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
  '.svg': 'image/svg+xml',
};

export interface FakeOptions {
  /** The built page. */
  dist: string;
  road: URL;
  trucks?: number;
  /** Between two frames, ms. */
  tickMs?: number;
}

type Client = Socket<ClientToServer, ServerToClient>;
type Sent = Exclude<keyof ServerToClient, 'snapshot' | 'positions'>;

/** A platform that is none: real socket.io, real frames, trucks on the real road; REST answers as the contract says. */
export async function startFakePlatform(options: FakeOptions) {
  const road = readRoad(options.road);
  const world = new World(road, options.trucks ?? 40, Date.now());
  const corridor = buffer({ type: 'LineString', coordinates: road.line }, 200, { units: 'meters' })?.geometry;
  const sequences = new Map<Client, number>();
  const state = { build: 'build-1', signedIn: true, silent: false, resyncs: 0 };
  const http = createServer((request, response) => answer(request, response));
  const io = new Server<ClientToServer, ServerToClient>(http, { transports: ['websocket'], perMessageDeflate: false });
  const live = io.of('/live');

  const next = (client: Client) => {
    const sequence = (sequences.get(client) ?? 0) + 1;
    sequences.set(client, sequence);
    return sequence;
  };
  const everyone = world.trucks.map((truck) => truck.index);
  const snapshot = (client: Client) => {
    const sequence = next(client);
    client.emit('snapshot', {
      sequence,
      serverTime: new Date().toISOString(),
      build: state.build,
      locks: world.trucks.map(({ index, lockId, trip }) => ({
        index,
        lockId,
        tripId: trip.tripId,
        plate: trip.vehicle.tractorPlate,
      })),
      positions: encodeFrame({ sequence, serverTimeMs: Date.now(), positions: world.frame(everyone) }),
      trips: world.trucks.map((truck) => truck.trip),
      alarms: [...world.alarms.values()],
      passages: world.passages,
      stats: world.stats(),
    });
  };
  live.use((_client, go) => go(state.signedIn ? undefined : new Error('unauthorized')));
  live.on('connection', (client) => {
    sequences.set(client, 0);
    client.on('resync', () => {
      state.resyncs++;
      snapshot(client);
    });
    client.on('disconnect', () => sequences.delete(client));
    snapshot(client);
  });

  const tell = <E extends Sent>(event: E, body: Omit<Parameters<ServerToClient[E]>[0], 'sequence'>) => {
    if (state.silent) return;
    for (const client of sequences.keys()) {
      (client.emit as (name: string, message: unknown) => void)(event, { ...body, sequence: next(client) });
    }
  };
  const positions = (indices: number[]) => {
    if (state.silent) return;
    for (const client of sequences.keys()) {
      client.emit(
        'positions',
        encodeFrame({ sequence: next(client), serverTimeMs: Date.now(), positions: world.frame(indices) }),
      );
    }
  };
  const tickMs = options.tickMs ?? 1_000;
  const tick = () => {
    positions(world.drive(tickMs, Date.now()));
    tell('stats', { stats: world.stats(), serverTime: new Date().toISOString(), health: { ready: true, reasons: [] } });
  };
  const ticking = setInterval(tick, tickMs);
  const slow = setInterval(() => {
    for (const truck of world.trucks) tell('trip', { trip: truck.trip });
  }, 5 * tickMs);

  const changeAlarm = (alarm: Alarm) => {
    world.alarms.set(alarm.alarmId, alarm);
    const truck = world.trucks.find(({ trip }) => trip.tripId === alarm.tripId);
    if (truck) {
      positions([truck.index]);
      tell('trip', { trip: truck.trip });
    }
    tell('alarm', { alarm });
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    if (path.startsWith('/api/v1/')) return rest(request.method ?? 'GET', path.slice(7), response);
    const file = normalize(join(options.dist, path));
    const found =
      file.startsWith(options.dist) && existsSync(file) && statSync(file).isFile()
        ? file
        : join(options.dist, 'index.html');
    response.setHeader('content-security-policy', POLICY);
    response.setHeader('content-type', TYPES[extname(found)] ?? 'application/octet-stream');
    createReadStream(found).pipe(response);
  }

  function rest(method: string, path: string, response: ServerResponse): void {
    const [status, body] = told(method, path);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  function told(method: string, path: string): [status: number, body: unknown] {
    if (path === '/session' && method === 'POST') {
      state.signedIn = true;
      return [200, { name: '陈伟', role: 'operator' }];
    }
    if (path === '/session/options') return [200, {}];
    if (!state.signedIn)
      return [401, { title: 'Sign in first', status: 401, code: 'auth.required', type: 'about:blank' }];
    if (path === '/session') return [200, { name: '陈伟', role: 'operator' }];
    if (path === '/routes') {
      return [200, { items: [{ routeId: 'yiwu-beilun', version: 1, name: '义乌 → 北仑' }] }];
    }
    if (path === '/routes/yiwu-beilun') return [200, planned()];
    if (path === '/routes/yiwu-beilun/corridor') return [200, { type: 'Feature', geometry: corridor }];
    const office = /^\/offices\/(\d{4})\/contacts$/.exec(path)?.[1];
    if (office) return [200, { office, contacts: [{ name: '值班员', phone: `0000-${office}`, duty: '夜班' }] }];
    if (path === '/stats') return [200, { items: [] }];
    if (path === '/basemap') return [200, { kind: 'offline' }];
    if (path === '/places') return [200, { items: places() }];
    const ofTrip = /^\/trips\/([^/]+)(\/track)?$/.exec(path);
    const truck = world.trucks.find(({ trip }) => trip.tripId === ofTrip?.[1]);
    if (ofTrip && truck) return [200, ofTrip[2] ? { tripId: truck.trip.tripId, points: truck.track } : truck.trip];
    const act = /^\/alarms\/([^/]+)\/(acknowledge|assign)$/.exec(path);
    const alarm = world.alarms.get(act?.[1] ?? '');
    if (method === 'POST' && act && alarm) {
      const at = new Date().toISOString();
      const changed: Alarm =
        act[2] === 'assign'
          ? { ...alarm, state: 'assigned', assignedTo: '陈伟', assignedAt: at }
          : { ...alarm, state: 'acknowledged', acknowledgedBy: '陈伟', acknowledgedAt: at };
      changeAlarm(changed);
      return [200, changed];
    }
    return [404, { title: 'Not found', status: 404, code: 'not-found', type: 'about:blank' }];
  }

  function planned() {
    const stop = (name: string, metres: number) => {
      const { lon, lat } = road.at(metres, 120);
      return { name, center: [lon, lat], radiusM: 260, maxStayMin: 40 };
    };
    return {
      routeId: 'yiwu-beilun',
      version: 1,
      type: 'Feature',
      geometry: { type: 'LineString', coordinates: road.line },
      properties: {
        name: '义乌 → 北仑',
        crs: 'WGS84',
        halfWidthM: 200,
        legs: [
          { fromM: 0, toM: 4_000, halfWidthM: 80 },
          { fromM: 4_000, toM: road.lengthM - 8_000, halfWidthM: 200 },
          { fromM: road.lengthM - 8_000, toM: road.lengthM, halfWidthM: 80 },
        ],
        allowedStops: [stop('嵊州服务区', 88_000), stop('新昌服务区', 112_000)],
        requiredPoints: [],
        attribution: '© OpenStreetMap contributors, ODbL 1.0',
      },
    };
  }

  function places() {
    const square = (placeId: string, kind: string, name: string, metres: number, halfM: number) => {
      const { lon, lat } = road.at(metres);
      const [dx, dy] = [halfM / 96_500, halfM / 111_320];
      const ring = [
        [-1, -1],
        [1, -1],
        [1, 1],
        [-1, 1],
        [-1, -1],
      ].map(([x, y]) => [lon + x! * dx, lat + y! * dy]);
      return {
        placeId,
        type: 'Feature',
        geometry: { type: 'Polygon', coordinates: [ring] },
        properties: { name, kind },
      };
    };
    return [
      square('yiwu-yard', 'yard', '义乌监管场站', 0, 500),
      square('daxie-gate', 'gate', '大榭卡口', road.lengthM - 1, 350),
    ];
  }

  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    world,
    state,
    /** Raises or changes an alarm and tells the screens. */
    changeAlarm,
    passage: (passage: FeedPassage) => {
      world.passages.push(passage);
      tell('passage', { passage });
    },
    /** Time passes at once, in so many frames. */
    tick: (frames: number) => {
      for (let i = 0; i < frames; i++) tick();
    },
    /** Skips a sequence number, as if a message had been lost on the way. */
    lose: () => {
      for (const client of sequences.keys()) next(client);
    },
    /** Cuts every connection. */
    cut: () => io.of('/live').disconnectSockets(true),
    close: async () => {
      clearInterval(ticking);
      clearInterval(slow);
      await io.close();
    },
  };
}
