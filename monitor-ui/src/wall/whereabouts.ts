import { flatDistanceM } from '../map/overlays.ts';

/** A town of the basemap. */
export interface Town {
  zh: string;
  en: string;
  lon: number;
  lat: number;
}

export const DIRECTIONS = ['n', 'ne', 'e', 'se', 's', 'sw', 'w', 'nw'] as const;

export interface Whereabouts {
  town: Town;
  metres: number;
  /** From the town to the place. */
  direction: (typeof DIRECTIONS)[number];
}

/** The nearest town of the basemap, with distance and direction from it to the place. */
export function whereabouts(towns: Town[], at: { lon: number; lat: number }): Whereabouts | undefined {
  let best: Whereabouts | undefined;
  for (const town of towns) {
    const metres = flatDistanceM([town.lon, town.lat], [at.lon, at.lat]);
    if (best && metres >= best.metres) continue;
    const cos = Math.cos((town.lat * Math.PI) / 180);
    const bearing = (Math.atan2((at.lon - town.lon) * cos, at.lat - town.lat) * 180) / Math.PI;
    best = { town, metres, direction: DIRECTIONS[Math.round((bearing + 360) / 45) % 8]! };
  }
  return best;
}

interface NamesFile {
  features: { properties: { kind: string; zh: string; en: string }; geometry: { coordinates: [number, number] } }[];
}

export async function readTowns(url: string): Promise<Town[]> {
  const file = (await (await fetch(url)).json()) as NamesFile;
  return file.features
    .filter(({ properties }) => properties.kind === 'city')
    .map(({ properties: { zh, en }, geometry }) => ({
      zh,
      en,
      lon: geometry.coordinates[0],
      lat: geometry.coordinates[1],
    }));
}
