import { MAINLAND_EXAMPLES, readContainerNo, readPlate, type TripDeclaration, type Warning } from '@sealwatch/schemas';
import type { FieldError } from '../problem.ts';

type Units = { containerNo: string }[];

/** Codes of swap bodies and semi-trailers (EN 13044) are for rail; elsewhere such a number is a mistyped container. */
export function iluFaults(mode: TripDeclaration['mode'], units: Units): FieldError[] {
  if (mode === 'rail') return [];
  return units.flatMap(({ containerNo }, i) => {
    const read = readContainerNo(containerNo, { ilu: true });
    if (!read.ok || read.kind === 'iso') return [];
    const expected = 'U, J or Z as the fourth letter (ISO 6346); an ILU code (EN 13044) is for mode rail';
    const message = `not a container number: expected ${expected}`;
    return [{ path: `units[${i}].containerNo`, message, value: containerNo, expected }];
  });
}

/** Numbers that owners are advised not to use: their check digit is printed 0 but is 10. */
export function containerWarnings(units: Units): Warning[] {
  return units.flatMap(({ containerNo }, i) => {
    const read = readContainerNo(containerNo, { ilu: true });
    if (!read.ok || read.warning === undefined) return [];
    const message = `${containerNo} has the remainder 10, printed 0: ISO 6346 advises against such numbers; compare it with the box`;
    return [{ path: `units[${i}].containerNo`, message }];
  });
}

/** Plates that are of no mainland form and of no named country. */
export function plateWarnings({ plateCountry, ...plates }: TripDeclaration['vehicle']): Warning[] {
  if (plateCountry !== undefined) return [];
  return Object.entries(plates).flatMap(([key, plate]) => {
    if (plate === undefined || readPlate(plate).form === 'mainland') return [];
    const message = `${plate} is no plate of the mainland (${MAINLAND_EXAMPLES}) and was taken as a foreign one: compare it, or give vehicle.plateCountry`;
    return [{ path: `vehicle.${key}`, message }];
  });
}
