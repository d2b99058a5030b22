import type { Basemap } from '@sealwatch/schemas';
import { readPmtiles } from './pmtiles.ts';
import type { BasemapSettings } from './settings.ts';

/** What the api tells and serves of the operator's own basemap. */
export interface ServedBasemap {
  told: Basemap;
  /** Where the screens may load pictures from, beside the platform itself. */
  origins: string[];
  /** The archive served at `told.path`. */
  file?: string;
}

export const PMTILES_PATH = '/basemap/operator.pmtiles';

/** @throws Error where the file cannot be used */
export async function serveBasemap(settings: BasemapSettings | undefined): Promise<ServedBasemap> {
  if (settings === undefined) return { told: { kind: 'offline' }, origins: [] };
  const { attribution, tone } = settings;
  if ('layers' in settings) {
    return { told: { kind: 'tiles', layers: settings.layers, attribution, tone }, origins: settings.origins };
  }
  const { file } = settings;
  return {
    told: { kind: 'pmtiles', path: PMTILES_PATH, ...(await readPmtiles(file)), attribution, tone },
    origins: [],
    file,
  };
}
