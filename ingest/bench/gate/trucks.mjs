// What the generator and the platform's process agree on.
export const KEY = 'bench-key-of-the-gate-0123456789abcdef';
export const GATE_ID = 'bench-gate';
export const GATE = {
  type: 'Feature',
  geometry: {
    type: 'Polygon',
    coordinates: [
      [
        [120.99, 29.99],
        [121.01, 29.99],
        [121.01, 30.01],
        [120.99, 30.01],
        [120.99, 29.99],
      ],
    ],
  },
  properties: { name: 'bench gate', kind: 'gate', office: '3104' },
};
export const gateLockOf = (i) => `GATE${String(i).padStart(6, '0')}`;
export const plateOf = (i) => `浙G${String(10_000 + i)}`;

/** ISO 6346: A = 10, B = 12, … skipping multiples of 11; the letters of TSTU. */
const VALUES = { T: 31, S: 30, U: 32 };

export function boxOf(i) {
  const stem = `TSTU${String(i).padStart(6, '0')}`;
  const sum = [...stem].reduce((total, char, at) => total + (VALUES[char] ?? Number(char)) * 2 ** at, 0);
  return `${stem}${(sum % 11) % 10}`;
}

export const passageOf = (i) =>
  JSON.stringify({
    passageId: `bench-${i}`,
    lane: '1',
    direction: 'in',
    at: new Date().toISOString(),
    plate: { text: plateOf(i), confident: true },
    containers: [{ no: boxOf(i), confident: true }],
    lockIds: [gateLockOf(i)],
  });
