/** Tile addresses of one layer with the placeholders `{z}`, `{x}`, `{y}`, or why the template is refused. */
export type Template = { tiles: string[]; origins: string[] } | { refused: string };

/** Placeholders of WMTS templates and what they are here. */
const WMTS_NAMES: [RegExp, string][] = [
  [/\{TileMatrix\}/gi, '{z}'],
  [/\{TileRow\}/gi, '{y}'],
  [/\{TileCol\}/gi, '{x}'],
];
const EXPECTED = 'expected {z}, {x} and {y} in the address of a tile, e.g. https://tiles.example/{z}/{x}/{y}.png';

/** Datums other than WGS-84: by how much maps in them are displaced, and the hosts that serve such maps. */
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

/** @param source host or variable that has the displaced map @returns the message that refuses it */
export function displaced(source: string, datum: Datum): string {
  const { name, metres } = DISPLACED[datum];
  return (
    `${source} is in ${name}: trucks would be drawn ${metres} beside their road, and pictures cannot be converted; ` +
    'give a WGS-84 source, e.g. Tianditu (its layers ending in _w) or a PMTiles file'
  );
}

/**
 * Reads one template of raster tiles: XYZ, or WMTS by KVP or REST. `{s}` is expanded to a, b and c (0 to 7 for Tianditu),
 * `{0-3}` to the digits or letters of the range.
 */
export function readTemplate(text: string): Template {
  const named = WMTS_NAMES.reduce((address, [from, to]) => address.replace(from, to), text);
  const template = named.replace('{s}', named.includes('.tianditu.gov.cn/') ? '{0-7}' : '{a-c}');
  const tiles = spread(template);
  const unknown = tiles[0]?.match(/\{(?![zxy]\})[^}]*\}/)?.[0];
  if (unknown !== undefined) return { refused: `${unknown} is not a known placeholder; ${EXPECTED}` };
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

/** The addresses that a range such as `{0-3}` expands to; without a range, the address itself. */
function spread(template: string): string[] {
  const range = /\{(\w)-(\w)\}/.exec(template);
  if (!range) return [template];
  const [from, to] = [range[1]!.charCodeAt(0), range[2]!.charCodeAt(0)];
  return Array.from({ length: Math.max(0, Math.min(35, to - from)) + 1 }, (_, i) =>
    template.replace(range[0], String.fromCharCode(from + i)),
  );
}

/** @returns why an address is refused; the message names only the host, because addresses contain keys */
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
