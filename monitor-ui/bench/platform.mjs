// A platform that only talks: the live feed of a large fleet, in a process of its own so that the page alone is measured.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { encodeFrame } from '@sealwatch/schemas';
import { Server } from 'socket.io';

const [dist, locksText, tripsText, changesText] = process.argv.slice(2);
const LOCKS = Number(locksText);
const TRIPS = Number(tripsText);
const CHANGES_PER_S = Number(changesText);
const TICK_MS = 500;
/** Trucks drive on copies of a real road, laid over East China. */
const ROADS = 60;
const KM_PER_POINT = 0.2;

const road = JSON.parse(readFileSync(new URL('../test/fixtures/road-yiwu-beilun.geojson', import.meta.url), 'utf8'))
  .features[0].geometry.coordinates;
let seed = 7;
const chance = () => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return seed / 2 ** 32;
};
const copies = Array.from({ length: ROADS }, () => [chance() * 9 - 5, chance() * 8 - 3]);
const trucks = Array.from({ length: LOCKS }, (_, index) => ({
  index,
  copy: copies[index % ROADS],
  at: chance() * (road.length - 2),
  speedKmh: 60 + chance() * 30,
  status: chance() < 0.01 ? 'amber' : chance() < 0.01 ? 'silent' : 'green',
}));
const position = ({ index, copy, at, speedKmh, status }) => {
  const [a, b] = [road[Math.floor(at)], road[Math.floor(at) + 1]];
  const share = at % 1;
  return {
    index,
    lon: a[0] + (b[0] - a[0]) * share + copy[0],
    lat: a[1] + (b[1] - a[1]) * share + copy[1],
    headingDeg: ((Math.atan2(b[0] - a[0], b[1] - a[1]) * 180) / Math.PI + 360) % 360,
    speedKmh,
    status,
    batteryPercent: 80,
    flags: 0,
  };
};

const now = () => new Date().toISOString();
const steps = ['hang', 'seal', 'transit', 'verify', 'unlock'].map((step, i) => ({
  step,
  state: ['done', 'done', 'active', 'pending', 'pending'][i],
  checks: ['number', 'battery', 'online', 'place'].map((check) => ({ check, passed: true })),
}));
const trip = (index) => ({
  tripId: `trip-${index}`,
  status: 'in-transit',
  risk: 'green',
  declarationNo: `29212026${String(index).padStart(10, '1')}`,
  mode: 'road',
  originOffice: '2921',
  destinationOffice: '3104',
  vehicle: { tractorPlate: `浙G${String(10_000 + index).slice(-5)}` },
  units: [{ containerNo: 'CSQU3054383', lockId: `JT${index}` }],
  routeId: 'yiwu-beilun',
  routeVersion: 1,
  createdAt: now(),
  departedAt: now(),
  steps,
  progress: { doneM: 1_000, totalM: 229_000 },
  openAlarms: [],
});
const stats = () => ({
  inTransit: LOCKS,
  green: LOCKS,
  amber: 0,
  red: 0,
  silent: 0,
  arrivedToday: 0,
  reportsPerSecond: CHANGES_PER_S,
  lagMs: 200,
});

const http = createServer((request, response) => {
  const path = new URL(request.url, 'http://x').pathname;
  if (path.startsWith('/api/v1/')) return answer(path.slice(7), response);
  const file = join(dist, path);
  const found = existsSync(file) && statSync(file).isFile() ? file : join(dist, 'index.html');
  const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css' };
  response.setHeader('content-type', types[extname(found)] ?? 'application/octet-stream');
  createReadStream(found).pipe(response);
});
function answer(path, response) {
  const known = {
    '/basemap': { kind: 'offline' },
    '/session': { name: 'bench', role: 'operator' },
    '/routes': { items: [] },
    '/places': { items: [] },
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(known[path] ?? { items: [], points: [] }));
}

const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, maxHttpBufferSize: 1e9 });
const sequences = new Map();
const next = (client) => {
  sequences.set(client, sequences.get(client) + 1);
  return sequences.get(client);
};
const snapshot = (client) => {
  const sequence = next(client);
  client.emit('snapshot', {
    sequence,
    serverTime: now(),
    build: 'bench',
    locks: trucks.map(({ index }) => ({
      index,
      lockId: `JT${index}`,
      ...(index < TRIPS ? { tripId: `trip-${index}` } : {}),
    })),
    positions: encodeFrame({ sequence, serverTimeMs: Date.now(), positions: trucks.map(position) }),
    trips: Array.from({ length: TRIPS }, (_, index) => trip(index)),
    alarms: [],
    passages: [],
    stats: stats(),
  });
};
io.of('/live').on('connection', (client) => {
  sequences.set(client, 0);
  client.on('resync', () => snapshot(client));
  client.on('disconnect', () => sequences.delete(client));
  snapshot(client);
});
const frame = (changed) => {
  for (const client of sequences.keys()) {
    client.emit(
      'positions',
      encodeFrame({ sequence: next(client), serverTimeMs: Date.now(), positions: changed.map(position) }),
    );
  }
};

let turn = 0;
/** How much faster than the clock time passes. */
let pace = 1;
function tick() {
  const size = Math.round((CHANGES_PER_S * TICK_MS) / 1000);
  const elapsedS = (LOCKS / CHANGES_PER_S) * pace;
  const changed = Array.from({ length: size }, () => trucks[turn++ % LOCKS]);
  for (const truck of changed) {
    truck.at = (truck.at + ((truck.speedKmh / 3_600) * elapsedS) / KM_PER_POINT) % (road.length - 2);
  }
  frame(changed);
  for (const client of sequences.keys()) {
    client.emit('stats', {
      sequence: next(client),
      stats: stats(),
      serverTime: now(),
      health: { ready: true, reasons: [] },
    });
    for (let i = 0; i < 20; i++) client.emit('trip', { sequence: next(client), trip: trip((turn + i) % TRIPS) });
  }
}
let ticking = setInterval(tick, TICK_MS);

let alarms = 0;
/** One truck turns red, or the last one is green again and its alarm disposed of. */
function alarm({ lon, lat, red }) {
  const truck = trucks[0];
  truck.status = red ? 'red' : 'green';
  if (red) alarms++;
  for (const client of sequences.keys()) {
    const one = { ...position(truck), lon, lat };
    client.emit('positions', encodeFrame({ sequence: next(client), serverTimeMs: Date.now(), positions: [one] }));
    client.emit('alarm', {
      sequence: next(client),
      alarm: {
        alarmId: `alarm-${alarms}`,
        tripId: 'trip-0',
        lockId: 'JT0',
        rule: 'route.deviation',
        kind: 'latched',
        severity: 'critical',
        state: red ? 'open' : 'disposed',
        active: red,
        startedAt: now(),
        raisedAt: now(),
        detectedLate: false,
        evidence: {},
        position: { lon, lat },
      },
    });
  }
}
process.on('message', (message) => {
  if (message.pace) {
    pace = message.pace;
    clearInterval(ticking);
    ticking = setInterval(tick, TICK_MS / pace);
  }
  if (message.alarm) alarm(message.alarm);
});
process.on('disconnect', () => process.exit(0));
http.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${http.address().port}` }));
