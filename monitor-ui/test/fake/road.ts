import { readFileSync } from 'node:fs';
import { flatDistanceM } from '../../src/map/overlays.ts';

export interface OnRoad {
  lon: number;
  lat: number;
  headingDeg: number;
}

/** The real road of the fixture, walked by metres from its beginning. */
export function readRoad(url: URL) {
  const file = JSON.parse(readFileSync(url, 'utf8')) as {
    features: { geometry: { coordinates: [number, number][] } }[];
  };
  const line = file.features[0]!.geometry.coordinates;
  const along = [0];
  for (let i = 1; i < line.length; i++) along.push(along[i - 1]! + flatDistanceM(line[i - 1]!, line[i]!));
  const lengthM = along.at(-1)!;

  /** @param offsetM beside the road, + right of travel */
  const at = (metres: number, offsetM = 0): OnRoad => {
    const m = Math.max(0, Math.min(lengthM - 1, metres));
    let i = along.findIndex((reached) => reached > m);
    if (i < 1) i = 1;
    const [a, b] = [line[i - 1]!, line[i]!];
    const share = (m - along[i - 1]!) / (along[i]! - along[i - 1]! || 1);
    const cos = Math.cos((a[1] * Math.PI) / 180);
    const heading = Math.atan2((b[0] - a[0]) * cos, b[1] - a[1]);
    const [east, north] = [Math.cos(heading) * offsetM, -Math.sin(heading) * offsetM];
    return {
      lon: a[0] + (b[0] - a[0]) * share + east / (111_320 * cos),
      lat: a[1] + (b[1] - a[1]) * share + north / 111_320,
      headingDeg: ((heading * 180) / Math.PI + 360) % 360,
    };
  };
  return { line, lengthM, at };
}

export type Road = ReturnType<typeof readRoad>;
