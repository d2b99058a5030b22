/** A report of lock number `index`, as text; at 10,000 reports/s, building objects first would take most of the time. */
export function samplePayload(index: number, seq: number, timeMs: number): string {
  const time = new Date(timeMs).toISOString();
  const lon = (119.96 + ((index * 7 + seq) % 19_000) / 10_000).toFixed(6);
  const lat = (29.22 + ((index * 13 + seq) % 7_000) / 10_000).toFixed(6);
  return (
    `{"v":1,"boot":1,"seq":${seq},"time":"${time}","kind":"live","mode":"sealed",` +
    `"position":{"lon":${lon},"lat":${lat},"accuracyM":6,"speedKmh":78.4,"headingDeg":74,"satellites":11,"source":"gnss"},` +
    `"seal":{"rope":"inserted","motor":"locked","cover":"closed","useCount":${100 + (index % 900)}},` +
    `"battery":{"percent":86,"charging":false},"network":{"rssiDbm":-71}}`
  );
}
