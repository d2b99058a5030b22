import { type Fleet, RED_STATUSES } from './fleet.ts';
import type { Feature, FeatureCollection } from './geojson.ts';
import { latOf, lonOf } from './mercator.ts';

/** A part of the world, in units of the Mercator grid. */
export interface UnitBox {
  west: number;
  north: number;
  east: number;
  south: number;
}

/** Trucks of one cell. */
interface Cell {
  count: number;
  /** Sums of their units, from the box's corner. */
  x: number;
  y: number;
}

export interface Survey {
  /** A red one is in sight. */
  red: boolean;
  /** Calm trucks in sight for each cell that has any. */
  perCell: number;
  cells: Cell[];
  box: UnitBox;
}

/** More of them in a cell than this hide one another; fewer than that show themselves again. */
const CROWDED_FROM = 12;
const CROWDED_TO = 8;
/** A number stands only where it tells more than the eye sees. */
const COUNTED_FROM = 20;

/** One look at all trucks in sight. @param cellUnits side of a cell: room for some ten trucks beside each other */
export function survey(fleet: Fleet, box: UnitBox, cellUnits: number): Survey {
  const cells = new Map<number, Cell>();
  let red = false;
  let calm = 0;
  const across = Math.ceil((box.east - box.west) / cellUnits) + 2;
  // Cells lie on the grid of the world, not of the screen: numbers do not jump as the map is moved.
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

/** Whether trucks are drawn as lights; keeps its mind between the two bounds. */
export const crowded = (perCell: number, before: boolean): boolean => perCell > (before ? CROWDED_TO : CROWDED_FROM);

/** How many trucks there are, where there are many: a number in the middle of those of a cell. */
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
