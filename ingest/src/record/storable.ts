/** Postgres keeps neither U+0000 nor half of a surrogate pair. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** Whether Postgres can keep every text in a value from JSON. */
export function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return !UNSTORABLE.test(value);
  return typeof value !== 'object' || value === null || Object.values(value).every(isStorable);
}

/** The text without what Postgres cannot keep. */
export function storable(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '');
}

const MOST_LETTERS = 64;

/** Whether a value can stand for a word that the platform does not know: text of 1 to 64 characters that Postgres can keep. */
export function isWord(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MOST_LETTERS && isStorable(value);
}
