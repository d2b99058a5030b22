/** A `timestamptz` comes as a Date from a column and as text from inside JSON; both leave as RFC 3339 with milliseconds. */
export const isoOf = (value: Date | string): string => (value instanceof Date ? value : new Date(value)).toISOString();
