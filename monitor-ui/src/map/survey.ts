import { type Fleet, RED_STATUSES } from './fleet.ts';
import type { Feature, FeatureCollection } from './geojson.ts';
import { latOf, lonOf } from './mercator.ts';

/** A box in units of the Mercator grid (see mercator.ts). */
export interface UnitBox {
  west: number;
  north: number;
  east: number;
  south: number;
}

/** The trucks of one cell that are not red. */
interface Cell {
  count: number;
  /** Sums of their units, from the box's corner. */
  x: number;
  y: number;
}

export interface Survey {
  /** A red truck is in view. */
  red: boolean;
  /** Trucks in view that are not red, per cell that has any. */
  perCell: number;
  cells: Cell[];
  box: UnitBox;
}

/** Trucks per cell above which they cover one another, and below which they are drawn in full again. */
const CROWDED_FROM = 12;
const CROWDED_TO = 8;
/** Fewer trucks than this can be counted by eye and get no number. */
const COUNTED_FROM = 20;

/** Counts the trucks in view. @param cellUnits side of a cell, with room for about ten trucks */
export function survey(fleet: Fleet, box: UnitBox, cellUnits: number): Survey {
  const cells = new Map<number, Cell>();
  let red = false;
  let calm = 0;
  const across = Math.ceil((box.east - box.west) / cellUnits) + 2;
  // Cells are fixed to the world and not to the screen, so that numbers do not jump as the map is moved.
  const [column0, row0] = [Math.floor(box.west / cellUnits), Math.floor(box.north / cellUnits)];
  fleet.each((x, y, status) => {
    if (x < box.west || x > box.east || y < box.north || y > box.south) return;
    if (RED_STATUSES.includes(status)) {
      red = true;
      return;
    }
    calm++;
    const key = (Math.floor(y / cellUnits) - row0) * across + Math.floor(x / cellUnits) - column0;
    const cell = cells.get(key);
    if (cell) {
      cell.count++;
      cell.x += x - box.west;
      cell.y += y - box.north;
    } else cells.set(key, { count: 1, x: x - box.west, y: y - box.north });
  });
  return { red, perCell: cells.size === 0 ? 0 : calm / cells.size, cells: [...cells.values()], box };
}

/** Whether trucks are drawn as lights; between the two limits the previous answer is kept. */
export const crowded = (perCell: number, before: boolean): boolean => perCell > (before ? CROWDED_TO : CROWDED_FROM);

/** For each cell with many trucks their number, at their mean position. */
export function numbers({ cells, box }: Survey, print: (count: number) => string): FeatureCollection {
  const features = cells
    .filter(({ count }) => count >= COUNTED_FROM)
    .map(
      ({ count, x, y }): Feature => ({
        type: 'Feature',
        properties: { text: print(count), count },
        geometry: { type: 'Point', coordinates: [lonOf(box.west + x / count), latOf(box.north + y / count)] },
      }),
    );
  return { type: 'FeatureCollection', features };
}
