import { resolve } from 'node:path';
import type { BasemapTone } from '@sealwatch/schemas';
import { type Datum, displaced, readTemplate } from './template.ts';

/** The operator's basemap as configured. */
export type BasemapSettings = { attribution: string; tone: BasemapTone } & (
  | { layers: string[][]; origins: string[] }
  | { file: string }
);

export interface BasemapVariables {
  SEALWATCH_BASEMAP?: string | undefined;
  SEALWATCH_BASEMAP_ATTRIBUTION?: string | undefined;
  SEALWATCH_BASEMAP_CRS: 'wgs84' | Datum;
  SEALWATCH_BASEMAP_TONE: BasemapTone;
}

export interface WrongVariable {
  variable: keyof BasemapVariables;
  message: string;
}

const LAYERS_MOST = 4;

/** @returns the settings, undefined if no basemap is configured or a variable is wrong; and every wrong variable */
export function basemapOf(given: BasemapVariables): { settings?: BasemapSettings; wrong: WrongVariable[] } {
  const source = given.SEALWATCH_BASEMAP?.trim();
  if (source === undefined) {
    const lonely = given.SEALWATCH_BASEMAP_ATTRIBUTION !== undefined;
    const message = 'expected SEALWATCH_BASEMAP beside it: it names who is to be credited for that map';
    return { wrong: lonely ? [{ variable: 'SEALWATCH_BASEMAP_ATTRIBUTION', message }] : [] };
  }
  const read = readSource(source);
  const wrong: WrongVariable[] = [];
  if ('refused' in read) wrong.push({ variable: 'SEALWATCH_BASEMAP', message: read.refused });
  if (given.SEALWATCH_BASEMAP_ATTRIBUTION === undefined) {
    const message = 'expected who has to be named on the map, e.g. the provider and its map review number (审图号)';
    wrong.push({ variable: 'SEALWATCH_BASEMAP_ATTRIBUTION', message });
  }
  if (given.SEALWATCH_BASEMAP_CRS !== 'wgs84') {
    wrong.push({ variable: 'SEALWATCH_BASEMAP_CRS', message: displaced('this map', given.SEALWATCH_BASEMAP_CRS) });
  }
  if (wrong.length > 0 || 'refused' in read) return { wrong };
  const { SEALWATCH_BASEMAP_ATTRIBUTION: attribution = '', SEALWATCH_BASEMAP_TONE: tone } = given;
  return { settings: { ...read, attribution, tone }, wrong };
}

function readSource(
  source: string,
): { layers: string[][]; origins: string[] } | { file: string } | { refused: string } {
  const web = /^https?:\/\//i;
  if (!web.test(source)) {
    if (source.toLowerCase().endsWith('.pmtiles')) return { file: resolve(source) };
    return { refused: 'expected a template https://…/{z}/{x}/{y}.png, or the path of a .pmtiles file' };
  }
  const templates = source.split(/\s+/);
  if (templates.length > LAYERS_MOST)
    return { refused: `expected at most ${LAYERS_MOST} templates, divided by spaces` };
  const layers: string[][] = [];
  const origins = new Set<string>();
  for (const template of templates) {
    if (!web.test(template)) return { refused: 'expected templates divided by spaces, each https://… or http://…' };
    if (/\.pmtiles(\?|$)/i.test(template)) {
      return { refused: 'a PMTiles file is served by this platform: download it and give the path of the file' };
    }
    const read = readTemplate(template);
    if ('refused' in read) return read;
    layers.push(read.tiles);
    for (const origin of read.origins) origins.add(origin);
  }
  return { layers, origins: [...origins] };
}
