import type { PlaceKind } from '@sealwatch/schemas';
import type { Map as MapLibreMap } from 'maplibre-gl';
import { MAP_FONT } from './ink.ts';
import { PLACE_KINDS } from './overlays.ts';

const COLOURS: Partial<Record<PlaceKind, string>> = {
  gate: '#e9f2fb',
  restricted: '#ff6b79',
  'service-area': '#38e3a3',
};
const OTHERWISE = '#8fbcff';

/**
 * Adds the icons for places to the map: a small plate with one character, as on Chinese plans; a gate's is filled.
 * @param letters one character for each kind, in the viewer's language
 */
export async function addSigns(map: MapLibreMap, letters: (kind: PlaceKind) => string, ui: number): Promise<void> {
  const font = `600 ${Math.round(22 * ui)}px "${MAP_FONT}"`;
  await Promise.allSettled(PLACE_KINDS.map((kind) => document.fonts.load(font, letters(kind))));
  for (const kind of PLACE_KINDS) {
    const side = Math.round(36 * ui);
    const canvas = document.createElement('canvas');
    canvas.width = side;
    canvas.height = side;
    const draw = canvas.getContext('2d');
    if (!draw) return;
    const colour = COLOURS[kind] ?? OTHERWISE;
    draw.beginPath();
    draw.roundRect(2, 2, side - 4, side - 4, 7 * ui);
    draw.fillStyle = kind === 'gate' ? colour : '#0a1424';
    draw.fill();
    draw.lineWidth = 2.4 * ui;
    draw.strokeStyle = colour;
    draw.stroke();
    draw.fillStyle = kind === 'gate' ? '#07101d' : colour;
    draw.font = font;
    draw.textAlign = 'center';
    draw.textBaseline = 'middle';
    draw.fillText(letters(kind), side / 2, side / 2 + 1 * ui);
    const image = draw.getImageData(0, 0, side, side);
    if (map.hasImage(`sign-${kind}`)) map.removeImage(`sign-${kind}`);
    map.addImage(`sign-${kind}`, image, { pixelRatio: 2 });
  }
}
