const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/**
 * Members of what a caller sent that are missing in what was read of it, e.g. `['properties', 'speedLimit']`. Only the
 * outermost member is named; values are not compared.
 * @param most how many are looked for
 */
export function unusedMembers(sent: unknown, read: unknown, most = 50): PropertyKey[][] {
  const found: PropertyKey[][] = [];
  const walk = (from: unknown, to: unknown, path: PropertyKey[]): void => {
    if (from === to || !isObject(from) || !isObject(to)) return;
    for (const [key, value] of Object.entries(from)) {
      if (found.length >= most) return;
      const at = [...path, Array.isArray(from) ? Number(key) : key];
      if (Object.hasOwn(to, key)) walk(value, to[key], at);
      else if (value !== undefined) found.push(at);
    }
  };
  walk(sent, read, []);
  return found;
}
