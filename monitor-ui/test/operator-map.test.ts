import type { Basemap } from '@sealwatch/schemas';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { operatorMap, operatorStyle } from '../src/map/operator-map.ts';

const BASE = 'http://127.0.0.1:8080/';
const file: Basemap = {
  kind: 'pmtiles',
  path: '/basemap/operator.pmtiles',
  content: 'vector',
  minZoom: 3,
  maxZoom: 14,
  bounds: [118, 27, 123, 32],
  attribution: '© OpenStreetMap contributors',
  tone: 'dark',
};

describe("the operator's own basemap", () => {
  it('adds nothing where there is none', () => {
    expect(operatorStyle({ kind: 'offline' }, BASE, 1)).toEqual({ sources: {}, layers: [] });
  });

  it('draws layers of tiles one over the other, the first lowest, with their credit as text', () => {
    const layers = [
      ['https://t0.example/vec/{z}/{x}/{y}', 'https://t1.example/vec/{z}/{x}/{y}'],
      ['https://t0.example/cva/{z}/{x}/{y}'],
    ];
    const attribution = '天地图 <审图号>';
    const style = operatorStyle({ kind: 'tiles', layers, attribution, tone: 'dark' }, BASE, 1);
    expect(style.layers.map((layer) => [layer.id, layer.type])).toEqual([
      ['operator-0', 'raster'],
      ['operator-1', 'raster'],
    ]);
    expect(style.sources).toMatchObject({
      'operator-0': { type: 'raster', tiles: layers[0], tileSize: 256, attribution: '天地图 &#60;审图号&#62;' },
      'operator-1': { tiles: layers[1] },
    });
  });

  it('turns a light map dark, and leaves the colours of a dark one', () => {
    const paint = (tone: 'light' | 'dark') =>
      operatorStyle({ kind: 'tiles', layers: [['https://t.example/{z}/{x}/{y}']], attribution: 'x', tone }, BASE, 1)
        .layers[0]?.paint as Record<string, number>;
    expect(paint('light')['raster-brightness-max']).toBeLessThan(paint('light')['raster-brightness-min']!);
    expect(Object.keys(paint('dark'))).toEqual(['raster-brightness-max']);
  });

  it('reads a PMTiles file of this platform: pictures as they are, vectors as water and streets', () => {
    const vector = operatorStyle(file, BASE, 1);
    expect(vector.sources['operator-file']).toMatchObject({
      type: 'vector',
      tiles: ['pmtiles://http://127.0.0.1:8080/basemap/operator.pmtiles/{z}/{x}/{y}'],
      minzoom: 3,
      maxzoom: 14,
      bounds: [118, 27, 123, 32],
    });
    const drawn = new Set(vector.layers.map((layer) => 'source-layer' in layer && layer['source-layer']));
    expect(drawn).toEqual(new Set(['water', 'roads', 'transportation']));
    expect(new Set(vector.layers.map(({ id }) => id)).size).toBe(vector.layers.length);
    const raster = operatorStyle({ ...file, content: 'raster' }, BASE, 1);
    expect(raster.sources['operator-file']).toMatchObject({
      type: 'raster',
      tiles: [expect.stringContaining('pmtiles://')],
    });
    expect(raster.layers.map(({ type }) => type)).toEqual(['raster']);
  });
});

describe('tiles that do not come', () => {
  type Heard = Record<string, (event: object) => void>;
  const stand = async () => {
    const heard: Heard = {};
    const asked: unknown[] = [];
    const said: boolean[] = [];
    const map = {
      on: (event: string, listener: (event: object) => void) => {
        heard[event] = listener;
      },
      getSource: () => ({}),
      getLayer: () => ({}),
      triggerRepaint: () => undefined,
      refreshTiles: (source: string, cells: object[]) => asked.push([source, cells]),
    };
    const operators = operatorMap(map as unknown as Parameters<typeof operatorMap>[0], {
      base: BASE,
      ui: 1,
      ready: () => true,
      away: (away) => said.push(away),
    });
    await operators.set({ kind: 'tiles', layers: [['https://t.example/{z}/{x}/{y}']], attribution: 'x', tone: 'dark' });
    const miss = (sourceId: string, x: number) =>
      operators.missed({ sourceId, tile: { tileID: { canonical: { z: 9, x, y: 7 } } } } as never);
    return { heard, asked, said, operators, miss };
  };
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are said to be away, asked for again after a minute, and said to be back when they have come', async () => {
    const { heard, asked, said, miss } = await stand();
    expect([miss('operator-0', 1), miss('operator-0', 2), miss('operator-0', 2)]).toEqual([true, true, true]);
    heard.idle?.({});
    expect(said.at(-1)).toBe(true);
    vi.advanceTimersByTime(60_000);
    const cells = [1, 2].map((x) => ({ z: 9, x, y: 7 }));
    expect(asked).toEqual([['operator-0', cells]]);
    miss('operator-0', 2);
    heard.idle?.({});
    expect(said.at(-1)).toBe(true);
    vi.advanceTimersByTime(60_000);
    heard.idle?.({});
    expect(said.at(-1)).toBe(false);
    expect(asked).toHaveLength(2);
  });

  it("leave errors of the wall's own layers to others, and nothing to be asked for once the map is closed", async () => {
    const { asked, said, operators, miss } = await stand();
    expect(miss('land', 1)).toBe(false);
    expect(said).toEqual([]);
    miss('operator-0', 1);
    operators.close();
    vi.advanceTimersByTime(120_000);
    expect(asked).toEqual([]);
  });
});
