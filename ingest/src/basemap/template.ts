/** Addresses of one layer of tiles, with `{z}`, `{x}`, `{y}` left to be filled in, or why they cannot be used. */
export type Template = { tiles: string[]; origins: string[] } | { refused: string };

/** WMTS names the same three in its own words. */
const WMTS_NAMES: [RegExp, string][] = [
  [/\{TileMatrix\}/gi, '{z}'],
  [/\{TileRow\}/gi, '{y}'],
  [/\{TileCol\}/gi, '{x}'],
];
const EXPECTED = 'expected {z}, {x} and {y} in the address of a tile, e.g. https://tiles.example/{z}/{x}/{y}.png';

/** Datums in which maps are drawn displaced: how far, and the hosts that serve such maps. */
const DISPLACED = {
  gcj02: {
    name: 'GCJ-02',
    metres: '300 to 500 m',
    hosts: /(^|\.)(autonavi\.com|amap\.com|gtimg\.com|map\.qq\.com|geoq\.cn|google\.cn)$/,
  },
  bd09: { name: 'BD-09', metres: 'about 1 km', hosts: /(^|\.)(baidu\.com|bdimg\.com|bdstatic\.com)$/ },
};
export type Datum = keyof typeof DISPLACED;
const DATUMS: Datum[] = ['gcj02', 'bd09'];

/** What is said of a map that is drawn displaced. @param source a host, or the variable that says so */
export function displaced(source: string, datum: Datum): string {
  const { name, metres } = DISPLACED[datum];
  return (
    `${source} is in ${name}: trucks would be drawn ${metres} beside their road, and pictures cannot be converted; ` +
    'give a WGS-84 source, e.g. Tianditu (its layers ending in _w) or a PMTiles file'
  );
}

/**
 * Reads one template of raster tiles: XYZ, or WMTS by KVP or REST. `{s}` stands for a, b and c (0 to 7 at Tianditu),
 * `{0-3}` for the digits or letters between.
 */
export function readTemplate(text: string): Template {
  const named = WMTS_NAMES.reduce((address, [from, to]) => address.replace(from, to), text);
  const template = named.replace('{s}', named.includes('.tianditu.gov.cn/') ? '{0-7}' : '{a-c}');
  const tiles = spread(template);
  const unknown = tiles[0]?.match(/\{(?![zxy]\})[^}]*\}/)?.[0];
  if (unknown !== undefined) return { refused: `${unknown} is not known here; ${EXPECTED}` };
  if (['{z}', '{x}', '{y}'].some((name) => !template.includes(name))) return { refused: EXPECTED };
  const origins = new Set<string>();
  for (const address of tiles) {
    if (!URL.canParse(address)) return { refused: `the address cannot be read; ${EXPECTED}` };
    const url = new URL(address);
    const wrong = wrongWith(url);
    if (wrong !== undefined) return { refused: wrong };
    origins.add(url.origin);
  }
  return { tiles, origins: [...origins] };
}

/** Every address that a range `{0-3}` stands for; without one, the address itself. */
function spread(template: string): string[] {
  const range = /\{(\w)-(\w)\}/.exec(template);
  if (!range) return [template];
  const [from, to] = [range[1]!.charCodeAt(0), range[2]!.charCodeAt(0)];
  return Array.from({ length: Math.max(0, Math.min(35, to - from)) + 1 }, (_, i) =>
    template.replace(range[0], String.fromCharCode(from + i)),
  );
}

/** Addresses carry keys: what is said of them names the host only. */
function wrongWith(url: URL): string | undefined {
  const { hostname, pathname, searchParams } = url;
  const parameter = (name: string) => [...searchParams].find(([key]) => key.toLowerCase() === name)?.[1];
  if (url.username !== '' || url.password !== '') {
    return `${hostname}: browsers do not send a name and password within an address; give a key in the query`;
  }
  const datum = DATUMS.find((one) => DISPLACED[one].hosts.test(hostname));
  if (datum) return displaced(hostname, datum);
  if (/(^|\.)google(apis)?\.com$/.test(hostname) && parameter('gl')?.toLowerCase() === 'cn') {
    return displaced(`${hostname} with gl=cn`, 'gcj02');
  }
  const ofDegrees = /_c\/wmts$/i.test(pathname) || parameter('tilematrixset') === 'c';
  if (hostname.endsWith('.tianditu.gov.cn') && ofDegrees) {
    return `${hostname}: tiles of a grid of degrees (_c) do not fit the map; take the same layer ending in _w, with TILEMATRIXSET=w`;
  }
  return undefined;
}
