/** A `timestamptz` comes as a Date from a column and as text from inside JSON; both leave as RFC 3339 with milliseconds. */
export const isoOf = (value: Date | string): string => (value instanceof Date ? value : new Date(value)).toISOString();

/** A field of an answer that is there where the column holds a time. */
export const isoField = <K extends string>(key: K, value: Date | string | null) =>
  (value === null ? {} : { [key]: isoOf(value) }) as { [P in K]?: string };
