import type { Position } from '@sealwatch/schemas';
import type { BcdFix } from '../jt808/jt705.ts';
import type { Location } from '../jt808/location.ts';

const CELL_ACCURACY_M = 2_000;
const KMH_PER_KNOT = 1.852;

const IS_ENCRYPTED = 1 << 5;
const rounded = (value: number, digits: number) => Math.round(value * 10 ** digits) / 10 ** digits;

/** What is known of a place beside its degrees; a value that cannot be is left out. */
export interface Place {
  lat: number | undefined;
  lon: number | undefined;
  speedKmh?: number | undefined;
  headingDeg?: number | undefined;
  satellites?: number | undefined;
  isCell: boolean;
}

/** @returns undefined where the degrees are none, or 0/0, which is what receivers say without a fix */
export function positionOf({ lat, lon, speedKmh, headingDeg, satellites, isCell }: Place): Position | undefined {
  if (lat === undefined || lon === undefined || (lat === 0 && lon === 0)) return undefined;
  if (Math.abs(lat) > 90 || Math.abs(lon) > 180) return undefined;
  return {
    lon: rounded(lon, 7),
    lat: rounded(lat, 7),
    ...(isCell ? { accuracyM: CELL_ACCURACY_M } : {}),
    ...(speedKmh !== undefined && speedKmh <= 2_000 && !isCell ? { speedKmh: rounded(speedKmh, 1) } : {}),
    ...(headingDeg !== undefined && headingDeg <= 360 && !isCell ? { headingDeg } : {}),
    ...(satellites !== undefined && satellites <= 200 && !isCell ? { satellites } : {}),
    source: isCell ? 'cell' : 'gnss',
  };
}

const FIX_808 = 1 << 1;
const SOUTH = 1 << 2;
const WEST = 1 << 3;

/** @returns undefined without a fix, with encrypted coordinates, or where they cannot be */
export function position808(location: Location, isCell: boolean, satellites?: number): Position | undefined {
  const { status, latE6, lonE6 } = location;
  if (((status & FIX_808) === 0 && !isCell) || (status & IS_ENCRYPTED) !== 0) return undefined;
  return positionOf({
    lat: (status & SOUTH ? -latE6 : latE6) / 1e6,
    lon: (status & WEST ? -lonE6 : lonE6) / 1e6,
    speedKmh: location.speedTenthKmh / 10,
    headingDeg: location.headingDeg,
    satellites,
    isCell,
  });
}

/** Digits of degrees (2 or 3) and minutes with four decimals. Other than digits, or 60 minutes: undefined. */
export function degreesOf(digits: string, degreeDigits: 2 | 3): number | undefined {
  if (!/^\d+$/.test(digits)) return undefined;
  const minutes = Number(digits.slice(degreeDigits)) / 1e4;
  return minutes >= 60 ? undefined : Number(digits.slice(0, degreeDigits)) + minutes / 60;
}

const signed = (value: number | undefined, isPositive: boolean) => (value === undefined || isPositive ? value : -value);

/** Signed degrees of a Jointech frame. */
export const bcdDegrees = (fix: BcdFix) => ({
  lat: signed(degreesOf(fix.lat, 2), (fix.flags & 2) !== 0),
  lon: signed(degreesOf(fix.lon, 3), (fix.flags & 4) !== 0),
});

/** Knots by the family: a whole number in `$` frames, two decimal digits in 0x5501. */
export function knotsOf(speed: number, isBcd: boolean): number | undefined {
  if (!isBcd) return speed;
  return speed >> 4 > 9 || (speed & 15) > 9 ? undefined : (speed >> 4) * 10 + (speed & 15);
}

/** @param isBcd the speed is two decimal digits */
export function positionBcd(
  fix: BcdFix,
  { isBcd, isCell, satellites }: { isBcd: boolean; isCell: boolean; satellites?: number },
): Position | undefined {
  if ((fix.flags & 1) === 0 && !isCell) return undefined;
  const knots = knotsOf(fix.speed, isBcd);
  const speedKmh = knots === undefined ? undefined : knots * KMH_PER_KNOT;
  return positionOf({ ...bcdDegrees(fix), speedKmh, headingDeg: fix.heading2 * 2, satellites, isCell });
}
