import { addProtocol } from 'maplibre-gl';
import { Protocol } from 'pmtiles';

let known = false;

/** Makes MapLibre read `pmtiles://…`. */
export function readPmtiles(): void {
  if (known) return;
  known = true;
  addProtocol('pmtiles', new Protocol().tile);
}
