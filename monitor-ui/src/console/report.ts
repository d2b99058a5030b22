import type { DayFigures } from '@sealwatch/schemas';

export type Row = DayFigures;

const nothing = (day: string, office: string): Row => ({
  day,
  office,
  declared: 0,
  arrived: 0,
  limited: 0,
  onTime: 0,
  deviations: 0,
  falseAlarms: 0,
  passages: 0,
  released: 0,
  gateSeconds: 0,
});

function plus(a: Row, b: Row): Row {
  const sum = { ...a };
  for (const key of Object.keys(a) as (keyof Row)[]) {
    if (key !== 'day' && key !== 'office') sum[key] = a[key] + b[key];
  }
  return sum;
}

/** Figures added up by day, by office, or left as they are. Shares are not computed. */
export function rowsBy(items: Row[], by: 'day' | 'office' | 'both'): Row[] {
  const rows = new Map<string, Row>();
  for (const item of items) {
    const [day, office] = [by === 'office' ? '' : item.day, by === 'day' ? '' : item.office];
    const key = `${day}/${office}`;
    rows.set(key, plus(rows.get(key) ?? nothing(day, office), item));
  }
  return [...rows.values()].sort((a, b) => (a.day === b.day ? (a.office < b.office ? -1 : 1) : a.day < b.day ? -1 : 1));
}

/** Start of the viewer's day, that many days ago; whole days, because the figures of part of a day look bad. */
export function dayStartMs(nowMs: number, daysAgo: number): number {
  const day = new Date(nowMs);
  day.setHours(0, 0, 0, 0);
  day.setDate(day.getDate() - daysAgo);
  return day.getTime();
}

export const totalOf = (items: Row[]): Row => items.reduce(plus, nothing('', ''));
