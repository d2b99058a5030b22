import { type FieldError, wrongField } from '../problem.ts';
import { isStorable, storable } from '../record/storable.ts';

const EXPECTED = 'text without U+0000 and without halves of surrogate pairs';

const pathTo = (path: string, key: string, isItem: boolean): string =>
  isItem ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;

/**
 * The first text in a value from JSON that the database cannot keep, a member's name included. Depth costs no stack.
 * @param path of the value itself
 */
function unstorableField(value: unknown, path: string): FieldError | undefined {
  const open: [value: unknown, path: string][] = [[value, path]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [one, at] = next;
    if (typeof one === 'string' && !isStorable(one)) {
      return { path: storable(at), message: `expected ${EXPECTED}`, expected: EXPECTED };
    }
    if (typeof one !== 'object' || one === null) continue;
    const isList = Array.isArray(one);
    for (const [key, inside] of Object.entries(one)) {
      const under = pathTo(at, key, isList);
      if (!isList && !isStorable(key)) {
        return { path: storable(under), message: `a name: expected ${EXPECTED}`, expected: EXPECTED };
      }
      if (typeof inside === 'string' || typeof inside === 'object') open.push([inside, under]);
    }
  }
  return undefined;
}

/** @throws ApiProblem 422 with the path of the text that the database cannot keep */
export function requireStorable(value: unknown, path = ''): void {
  const field = unstorableField(value, path);
  if (field !== undefined) throw wrongField('request.invalid', field);
}
