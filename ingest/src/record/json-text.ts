/**
 * Goes through JSON outside its strings.
 * @param visit told of each bracket and comma, where it is and how deep it stands; false ends the walk
 */
function walk(json: Buffer, visit: (byte: number, at: number, depth: number) => boolean): void {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i] as number;
    if (inText) {
      if (byte === 0x5c) i += 1;
      else if (byte === 0x22) inText = false;
    } else if (byte === 0x22) inText = true;
    else if (byte === 0x7b || byte === 0x5b) {
      depth += 1;
      if (!visit(byte, i, depth)) return;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (!visit(byte, i, depth)) return;
      depth -= 1;
    } else if (byte === 0x2c && !visit(byte, i, depth)) return;
  }
}

/** How many elements a JSON array has, 1 for anything else; stops counting at `most`. */
export function countElements(json: Buffer, most: number): number {
  // 0x7b is {: one record
  if (json[0] === 0x7b) return 1;
  let elements = 1;
  walk(json, (byte, _at, depth) => {
    if (byte === 0x2c && depth === 1) elements += 1;
    return elements < most;
  });
  return elements;
}

/** The bytes of each element of a JSON array, as they came: `JSON.stringify` would make null of 1e309. */
export function elementBytes(array: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  let from = 0;
  walk(array, (byte, at, depth) => {
    if (depth !== 1) return true;
    const opens = byte === 0x7b || byte === 0x5b;
    if (!opens) elements.push(array.subarray(from, at));
    from = at + 1;
    return true;
  });
  return elements;
}

/** Whether brackets outside strings are nested deeper than `most`. */
export function isDeeperThan(most: number, json: Buffer): boolean {
  if (bracketsIn(json) <= most) return false;
  let isDeeper = false;
  walk(json, (_byte, _at, depth) => {
    isDeeper = depth > most;
    return !isDeeper;
  });
  return isDeeper;
}

/** Opening brackets, those in strings too: no text is nested deeper than it has of them. */
function bracketsIn(json: Buffer): number {
  let brackets = 0;
  for (let i = 0; i < json.length; i++) {
    // 0x5b is [, 0x7b is {
    if (((json[i] as number) | 0x20) === 0x7b) brackets += 1;
  }
  return brackets;
}
