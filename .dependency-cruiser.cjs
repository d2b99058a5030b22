// The arrows between the rooms, and the purity of the pure ones (see ARCHITECTURE.md).
const only = (room, allowed, comment) => ({
  name: `${room}-arrows`,
  comment,
  severity: 'error',
  from: { path: `^${room}/src` },
  to: {
    path: '^(schemas|geofence|bridge|ingest|monitor-ui|simulator)/',
    pathNot: `^(${[room, ...allowed].join('|')})/`,
  },
});
/**
 * Rooms of the platform, from the inside out: each reaches the rooms named behind it, and no others. Files beside the rooms
 * (`problem.ts`, `ports.ts`, settings, log) are open to all but the pure rooms.
 */
const PURE_ROOMS = ['record', 'tracker', 'custody', 'params'];
const ROOMS = {
  record: [[], 'a report inside the platform: it knows no rule and no table.'],
  tracker: [['record'], 'the rules judge records; they reach out to nothing.'],
  custody: [
    ['tracker'],
    'steps, checks and verdicts are decided from facts given as arguments, and from what the rules say they show.',
  ],
  params: [['tracker', 'custody'], 'which parameters the rules and the gate have, and the layers that set them.'],
  postgres: [[], 'connections, migrations, partitions, backup: of a trip it knows alone whether it is over.'],
  store: [['postgres', ...PURE_ROOMS], 'SQL of the domain: it never reaches who asks.'],
  broker: [[], 'MQTT: it knows no database, no rule and no use case.'],
  bus: [['record'], 'what crosses from one member to another, and how: it knows no table and no rule.'],
  people: [['store', 'postgres', ...PURE_ROOMS], 'who one is and what one may.'],
  commands: [['people', 'store', 'postgres', ...PURE_ROOMS], 'commands to locks.'],
  trips: [['commands', 'people', 'store', 'postgres', ...PURE_ROOMS], 'what people do with trips.'],
  passages: [['trips', 'commands', 'people', 'store', 'postgres', ...PURE_ROOMS], 'what gates ask.'],
  alarms: [['trips', 'commands', 'people', 'store', 'postgres', ...PURE_ROOMS], 'the process of alarms.'],
  approvals: [
    ['passages', 'alarms', 'trips', 'commands', 'people', 'store', 'postgres', ...PURE_ROOMS],
    'acts that wait for a second person: confirmed, they are done by the rooms that they belong to.',
  ],
  locks: [['people', 'store', 'postgres', ...PURE_ROOMS], 'the register of locks.'],
  intake: [['store', 'postgres', ...PURE_ROOMS], 'from bytes to commit; nobody who shows or asks is known here.'],
  quarantine: [
    ['intake', 'people', 'store', 'postgres', ...PURE_ROOMS],
    'what was refused goes through the intake again, or is discarded.',
  ],
  roads: [
    ['intake', 'people', 'store', 'postgres', ...PURE_ROOMS],
    'routes and places as people bring them; a what-if judges past trips by the plan that the intake makes.',
  ],
  webhooks: [['people', 'store', 'postgres', ...PURE_ROOMS], 'events to other systems, and who subscribes to them.'],
  feed: [['people', 'store', 'postgres', ...PURE_ROOMS], 'what screens see live.'],
  evidence: [['roads', 'store', 'postgres', ...PURE_ROOMS], 'the record of a trip for others, on its corridor.'],
  jgs: [
    ['trips', 'commands', 'people', 'store', 'postgres', ...PURE_ROOMS],
    'what the XML of gates asks of locks, and its text; it gives commands and records as people and locks do.',
  ],
  basemap: [[], 'the map below the fleet.'],
  parsing: [['jgs', 'roads', ...PURE_ROOMS], 'bodies of requests, limited and read beside the event loop.'],
};
const roomRule = ([room, [allowed, comment]]) => ({
  name: `${room}-reaches-inward`,
  comment,
  severity: 'error',
  from: { path: `^ingest/src/${room}/` },
  to: {
    path: '^ingest/src/[^/]+/',
    pathNot: `^ingest/src/(${[room, ...allowed].join('|')})/`,
  },
});
const PURE = '^(schemas|geofence)/src|^ingest/src/(record|tracker|custody|params)/';

module.exports = {
  forbidden: [
    only('schemas', [], 'schemas is what travels between rooms; it knows none of them.'),
    only('geofence', ['schemas'], 'geofence knows shapes, nothing of the platform.'),
    only(
      'bridge',
      ['schemas'],
      'the bridge speaks the languages of locks; the platform may run it, and it knows nothing of it.',
    ),
    only('ingest', ['schemas', 'geofence', 'bridge'], 'the platform never depends on its screens or on its simulator.'),
    only('monitor-ui', ['schemas'], 'the wall draws what it is told; rules live in the platform.'),
    only('simulator', ['schemas', 'geofence'], 'the simulator speaks public interfaces only.'),
    {
      name: 'pure-rooms',
      comment: 'Pure rooms take time and data as arguments: no I/O, no clocks, nothing of Node.',
      severity: 'error',
      from: { path: PURE },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'codecs-are-pure',
      comment:
        'Codecs, profiles, reports and commands of the bridge are functions of bytes; of Node they take the hash alone.',
      severity: 'error',
      from: { path: '^bridge/src/(wire|jt808|jointech|profile|report|command)/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    ...Object.entries(ROOMS).map(roomRule),
    {
      name: 'bridge-is-composed',
      comment: 'Inside the platform the bridge is a part like others; no room knows it.',
      severity: 'error',
      from: { path: '^ingest/src/', pathNot: '^ingest/src/(compose/bridge|bridged|operate-bridge(-apart)?)\\.ts$' },
      to: { path: '^bridge/' },
    },
    {
      name: 'pure-rooms-stand-alone',
      comment: 'Rules about locks and trips take everything as arguments.',
      severity: 'error',
      from: { path: `^ingest/src/(${PURE_ROOMS.join('|')})/` },
      to: { path: '^ingest/src/[^/]+\\.ts$' },
    },
    {
      name: 'nothing-reaches-compose',
      comment: 'Parts are composed in one place; only the platform as a whole knows it.',
      severity: 'error',
      from: { path: '^ingest/src/', pathNot: '^ingest/src/(compose/|(app|node)\\.ts$)' },
      to: { path: '^ingest/src/(compose/|(app|node)\\.ts$)', pathNot: '(app|node)\\.ts$' },
    },
    {
      name: 'api-is-the-outermost-room',
      comment: 'HTTP is one way to ask; what is asked for lives in the rooms behind it.',
      severity: 'error',
      from: { path: '^ingest/src/', pathNot: '^ingest/src/(api|compose)/' },
      to: { path: '^ingest/src/api/' },
    },
    {
      name: 'sql-in-the-store',
      comment: 'Only the store talks to Postgres; others call it (types of the pool are fine).',
      severity: 'error',
      from: { path: '^ingest/src/', pathNot: '^ingest/src/(store|postgres)/' },
      to: { path: 'node_modules/(pg|pg-copy-streams|node-pg-migrate)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-circles',
      comment: 'A circle has no first file to read.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-dev-dependencies',
      comment: 'What runs for a user must be installed for a user.',
      severity: 'error',
      from: { path: '^(schemas|geofence|bridge|ingest|simulator)/src', pathNot: '\\.(test|bench)\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'not-found',
      comment: 'An import that resolves to nothing; `geojson` is types alone (@types/geojson).',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^geojson$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.vue'],
    },
  },
};
