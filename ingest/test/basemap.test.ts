import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';

const ATTRIBUTION = '天地图';
const configured = (source: string, more: Record<string, string> = {}) =>
  readConfig({ SEALWATCH_BASEMAP: source, SEALWATCH_BASEMAP_ATTRIBUTION: ATTRIBUTION, ...more }).basemap;
const layersOf = (source: string) => {
  const basemap = configured(source);
  return basemap && 'layers' in basemap ? basemap : undefined;
};

describe("the operator's own basemap", () => {
  it('is none unless it is configured', () => {
    expect(readConfig({}).basemap).toBeUndefined();
  });

  it('is a template of tiles with z, x and y in any place', () => {
    expect(configured('https://tiles.example:8443/{z}/{x}/{y}.png')).toEqual({
      layers: [['https://tiles.example:8443/{z}/{x}/{y}.png']],
      origins: ['https://tiles.example:8443'],
      attribution: ATTRIBUTION,
      tone: 'light',
    });
    expect(layersOf('http://tiles.intranet/t?y={y}&x={x}&z={z}')?.origins).toEqual(['http://tiles.intranet']);
  });

  it('takes subdomains: {s} for a, b and c, and ranges', () => {
    expect(layersOf('https://{s}.tile.example/{z}/{x}/{y}.png')?.origins).toEqual(
      ['a', 'b', 'c'].map((s) => `https://${s}.tile.example`),
    );
    expect(layersOf('https://m{2-4}.tile.example/{z}/{x}/{y}.png')?.layers[0]).toEqual(
      [2, 3, 4].map((s) => `https://m${s}.tile.example/{z}/{x}/{y}.png`),
    );
  });

  it('takes WMTS, by KVP (two layers of Tianditu, one over the other) and by REST', () => {
    const tianditu = (layer: string) =>
      `https://t{s}.tianditu.gov.cn/${layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=${layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=KEY`;
    const basemap = layersOf(`${tianditu('vec')} ${tianditu('cva')}`);
    expect(basemap?.layers.map((tiles) => tiles.length)).toEqual([8, 8]);
    expect(basemap?.layers[1]?.[7]).toBe(tianditu('cva').replace('{s}', '7'));
    expect(basemap?.origins).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((s) => `https://t${s}.tianditu.gov.cn`));
    expect(
      layersOf('https://wmts.example/map/GoogleMapsCompatible/{TileMatrix}/{TileRow}/{TileCol}.png')?.layers,
    ).toEqual([['https://wmts.example/map/GoogleMapsCompatible/{z}/{y}/{x}.png']]);
  });

  it('is a PMTiles file of this machine', () => {
    expect(configured('maps/zhejiang.pmtiles', { SEALWATCH_BASEMAP_TONE: 'dark' })).toEqual({
      file: expect.stringMatching(/^\/.*maps\/zhejiang\.pmtiles$/),
      attribution: ATTRIBUTION,
      tone: 'dark',
    });
  });

  it.each([
    ['https://webrd0{1-4}.is.autonavi.com/appmaptile?x={x}&y={y}&z={z}', 'webrd01.is.autonavi.com is in GCJ-02'],
    ['https://tiles.amap.com/{z}/{x}/{y}', 'GCJ-02'],
    ['https://rt{0-3}.map.gtimg.com/tile?z={z}&x={x}&y={y}', 'GCJ-02'],
    ['https://p0.map.qq.com/{z}/{x}/{y}.png', 'GCJ-02'],
    ['https://mt0.google.cn/vt?x={x}&y={y}&z={z}', 'GCJ-02'],
    ['https://mt0.google.com/vt?gl=cn&x={x}&y={y}&z={z}', 'GCJ-02'],
    ['https://map.geoq.cn/tile/{z}/{y}/{x}', 'GCJ-02'],
    ['https://maponline0.bdimg.com/tile/?x={x}&y={y}&z={z}', 'BD-09: trucks would be drawn about 1 km'],
    ['https://api.map.baidu.com/{z}/{x}/{y}', 'BD-09'],
  ])('refuses a map that is drawn displaced: %s', (source, said) => {
    expect(() => configured(source)).toThrow(said);
    expect(() => configured(source)).toThrow(
      'beside their road, and pictures cannot be converted; give a WGS-84 source',
    );
  });

  it('does not take a host for a displaced one because its name ends alike', () => {
    expect(layersOf('https://myamap.com/{z}/{x}/{y}.png')).toBeDefined();
    expect(layersOf('https://mt0.google.com/vt?lyrs=s&x={x}&y={y}&z={z}')).toBeDefined();
  });

  it.each([
    ['gcj02', '300 to 500 m beside their road'],
    ['bd09', 'about 1 km beside their road'],
    ['epsg4326', 'expected wgs84'],
  ])('refuses a map that is said to be in %s', (crs, said) => {
    expect(() => configured('https://tiles.example/{z}/{x}/{y}.png', { SEALWATCH_BASEMAP_CRS: crs })).toThrow(said);
  });

  it.each([
    ['https://tiles.example/{z}/{x}.png', 'expected {z}, {x} and {y}'],
    ['https://tiles.example/{z}/{x}/{-y}.png', '{-y} is not a known placeholder'],
    [
      'https://tiles.example/{TileMatrixSet}/{TileMatrix}/{TileRow}/{TileCol}.png',
      '{TileMatrixSet} is not a known placeholder',
    ],
    ['https://:0:/{z}/{x}/{y}', 'the address cannot be read'],
    ['https://me:secret@tiles.example/{z}/{x}/{y}.png', 'browsers do not send a name and password'],
    ['https://t0.tianditu.gov.cn/vec_c/wmts?TILEMATRIX={z}&TILEROW={y}&TILECOL={x}', 'grid of degrees'],
    ['https://t0.tianditu.gov.cn/vec/wmts?TileMatrixSet=c&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}', 'grid of degrees'],
    ['ftp://tiles.example/{z}/{x}/{y}.png', 'expected a template https://'],
    ['https://tiles.example/zhejiang.pmtiles', 'give the path of the file'],
    ['https://a.example/{z}/{x}/{y}.png and more', 'expected templates divided by spaces'],
    [Array(5).fill('https://a.example/{z}/{x}/{y}.png').join(' '), 'at most 4 templates'],
  ])('refuses %s', (source, said) => {
    expect(() => configured(source)).toThrow(said);
    expect(() => configured(source)).not.toThrow('secret');
  });

  it('asks who has to be named, and for which map', () => {
    expect(() => readConfig({ SEALWATCH_BASEMAP: 'https://tiles.example/{z}/{x}/{y}.png' })).toThrow(
      'SEALWATCH_BASEMAP_ATTRIBUTION: expected who has to be named on the map',
    );
    expect(() => readConfig({ SEALWATCH_BASEMAP_ATTRIBUTION: ATTRIBUTION })).toThrow(
      'expected SEALWATCH_BASEMAP beside',
    );
  });
});
