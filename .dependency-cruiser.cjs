// The arrows between the rooms, and the purity of the pure ones (see ARCHITECTURE.md).
const only = (room, allowed, comment) => ({
  name: `${room}-arrows`,
  comment,
  severity: 'error',
  from: { path: `^${room}/src` },
  to: { path: '^(schemas|geofence|ingest|monitor-ui|simulator)/', pathNot: `^(${[room, ...allowed].join('|')})/` },
});
const PURE = '^(schemas|geofence)/src|^ingest/src/(record|tracker|custody)/';

module.exports = {
  forbidden: [
    only('schemas', [], 'schemas is what travels between rooms; it knows none of them.'),
    only('geofence', ['schemas'], 'geofence knows shapes, nothing of the platform.'),
    only('ingest', ['schemas', 'geofence'], 'the platform never depends on its screens or on its simulator.'),
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
      name: 'pure-rooms-are-inner',
      comment: 'Rules about locks and trips never reach out to the store, the broker or the api.',
      severity: 'error',
      from: { path: '^ingest/src/(record|tracker|custody)/' },
      to: { path: '^ingest/src/', pathNot: '^ingest/src/(record|tracker|custody)/' },
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
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-dev-dependencies',
      comment: 'What runs for a user must be installed for a user.',
      severity: 'error',
      from: { path: '^(schemas|geofence|ingest|simulator)/src', pathNot: '\\.(test|bench)\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'not-found',
      comment: 'An import that resolves to nothing.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: 'specify',
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
