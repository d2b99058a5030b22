// Speed of the whole way of a report. Both sides run in their own process; this one is the generator: raw MQTT, QoS 1.
//   npm run bench:ingest                rate, PUBACK and alarm latency against a bare aedes broker, in one run; profile
//                                       with DATABASE_URL of an empty database the same on that server, beside the embedded one
//   npm run bench:ingest -- connected   memory of connected locks that report every 30 s
//   npm run bench:ingest -- backlog     an hour's backlog of 2,000 locks beside live reports
//   npm run bench:ingest -- fence       what it costs that every commit holds the membership, as a ratio
const PARTS = ['rate', 'connected', 'backlog', 'fence'];
const part = process.argv[2] ?? 'rate';
if (!PARTS.includes(part)) throw new Error(`no such part: ${part}; there are ${PARTS.join(', ')}`);
await import(`./${part}.mjs`);
