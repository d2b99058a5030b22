import type { Basemap } from '@sealwatch/schemas';
import { readPmtiles } from './pmtiles.ts';
import type { BasemapSettings } from './settings.ts';

/** The operator's basemap as the API answers and serves it. */
export interface ServedBasemap {
  answer: Basemap;
  /** Origins other than the platform that the screens may load tiles from. */
  origins: string[];
  /** Path of the PMTiles file served at `answer.path`. */
  file?: string;
}

export const PMTILES_PATH = '/basemap/operator.pmtiles';

/** @throws Error if the file cannot be used */
export async function serveBasemap(settings: BasemapSettings | undefined): Promise<ServedBasemap> {
  if (settings === undefined) return { answer: { kind: 'offline' }, origins: [] };
  const { attribution, tone } = settings;
  if ('layers' in settings) {
    return { answer: { kind: 'tiles', layers: settings.layers, attribution, tone }, origins: settings.origins };
  }
  const { file } = settings;
  return {
    answer: { kind: 'pmtiles', path: PMTILES_PATH, ...(await readPmtiles(file)), attribution, tone },
    origins: [],
    file,
  };
}
