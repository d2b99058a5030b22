import { concat } from './bytes.ts';

const decoder = new TextDecoder('gbk');
let codes: Map<string, Uint8Array> | undefined;

/** Node decodes GBK and does not encode it: the table is the inverse of what it decodes. */
function tableOf(): Map<string, Uint8Array> {
  const table = new Map<string, Uint8Array>();
  for (let lead = 0x81; lead <= 0xfe; lead++) {
    for (let trail = 0x40; trail <= 0xfe; trail++) {
      const bytes = Uint8Array.of(lead, trail);
      const text = decoder.decode(bytes);
      if ([...text].length === 1 && text !== '\ufffd' && !table.has(text)) table.set(text, bytes);
    }
  }
  return table;
}

/** What is not GBK becomes U+FFFD. */
export const fromGbk = (bytes: Uint8Array): string => decoder.decode(bytes);

/** A character that GBK does not have becomes `?`. */
export function toGbk(text: string): Uint8Array {
  codes ??= tableOf();
  const table = codes;
  const one = (char: string) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x80 ? Uint8Array.of(code) : (table.get(char) ?? Uint8Array.of(0x3f));
  };
  return concat([...text].map(one));
}

/** A text in a field of fixed length: padding with zero bytes behind it is no part of it. */
export function fixedText(bytes: Uint8Array): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return fromGbk(bytes.subarray(0, end));
}
