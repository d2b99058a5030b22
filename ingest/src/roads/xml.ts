import { setImmediate } from 'node:timers/promises';
import { SaxesParser } from 'saxes';
import { type ApiProblem, wrongField } from '../problem.ts';

/** A file of a route within these is read in about a second; beyond them it is an attack or a mistake. */
const MOST_ELEMENTS = 1_000_000;
const MOST_ATTRIBUTES = 100;
const DEEPEST = 40;
/** Characters parsed before other work gets its turn, some 10 ms. */
const SLICE = 128 * 1024;

export const refusedXml = (message: string): ApiProblem =>
  wrongField('route.gpx', { path: 'xml', message, expected: 'a GPX or KML document with a line' });

export interface XmlReader {
  /**
   * @param path names of the elements down to this one, without prefixes and in small letters: `gpx.trk.trkseg`
   * @param attributes by name with prefix, in small letters
   * @returns false to skip everything inside of the element
   */
  open(path: string, attributes: ReadonlyMap<string, string>): boolean;
  /** The whole text of an element that was opened and has ended. */
  close(path: string, text: string): void;
}

/** The name of an element without its prefix, in small letters: writers differ in both. */
const localName = (name: string): string => name.slice(name.indexOf(':') + 1).toLowerCase();

/** Attributes that say how a document was written, not what it holds. */
export const isAboutDocument = (name: string): boolean =>
  name === 'version' || name === 'creator' || name.endsWith(':schemalocation') || /^xmlns(:|$)/.test(name);

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?$/i;

/** A decimal number as XML writes it; NaN for everything else, the empty text included. */
export function decimal(text = ''): number {
  const trimmed = text.trim();
  return DECIMAL.test(trimmed) ? Number(trimmed) : Number.NaN;
}

/** The text of an XML file in the encoding that it names. @throws ApiProblem 422 if the bytes are not in that encoding */
export function xmlText(bytes: Buffer): string {
  if (bytes.subarray(0, 4).toString('latin1') === 'PK\u0003\u0004') {
    throw refusedXml('is a zip file: unzip it (KMZ holds doc.kml)');
  }
  const declared = /^[^<]{0,4}<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(
    bytes.subarray(0, 300).toString('latin1'),
  )?.[1];
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const encoding = isUtf16 ? (bytes[0] === 0xff ? 'utf-16le' : 'utf-16be') : (declared ?? 'utf-8');
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw refusedXml(`is not ${encoding} text`);
  }
}

/** The state of one walk; every limit is checked while the text is read, before anything of it is kept. */
class Walk {
  readonly #reader: XmlReader;
  readonly #paths: string[] = [];
  readonly #texts: string[] = [];
  #attributes = new Map<string, string>();
  #elements = 0;
  #skipped = 0;

  constructor(reader: XmlReader) {
    this.#reader = reader;
  }

  begin(): void {
    if (++this.#elements > MOST_ELEMENTS) throw refusedXml(`has more than ${MOST_ELEMENTS} elements`);
    this.#attributes = new Map();
  }

  attribute(name: string, value: string): void {
    if (this.#attributes.size >= MOST_ATTRIBUTES) {
      throw refusedXml(`has an element with more than ${MOST_ATTRIBUTES} attributes`);
    }
    const key = name.toLowerCase();
    if (this.#attributes.has(key)) throw refusedXml(`has an element with the attribute ${name.slice(0, 40)} twice`);
    this.#attributes.set(key, value);
  }

  open(name: string): void {
    if (this.#paths.length + this.#skipped >= DEEPEST) throw refusedXml(`is nested deeper than ${DEEPEST} levels`);
    if (this.#skipped > 0) {
      this.#skipped++;
      return;
    }
    const above = this.#paths.at(-1);
    const path = above === undefined ? localName(name) : `${above}.${localName(name)}`;
    if (!this.#reader.open(path, this.#attributes)) {
      this.#skipped = 1;
      return;
    }
    this.#paths.push(path);
    this.#texts.push('');
  }

  text(text: string): void {
    if (this.#skipped === 0 && this.#texts.length > 0) this.#texts.push(`${this.#texts.pop() ?? ''}${text}`);
  }

  close(): void {
    if (this.#skipped > 0) {
      this.#skipped--;
      return;
    }
    const [path, text] = [this.#paths.pop(), this.#texts.pop()];
    if (path !== undefined) this.#reader.close(path, text ?? '');
  }
}

/**
 * Reads XML 1.0 from its beginning to its end without keeping it. Character references, the five entities of XML and CDATA are
 * read; a document type, and with it every other entity, is refused.
 * @param text at most as long as the largest body that is taken
 * @throws ApiProblem 422 if it is not well-formed or larger than the limits on elements, attributes and depth
 */
export async function walkXml(text: string, reader: XmlReader): Promise<void> {
  const parser = new SaxesParser({ position: true });
  const walk = new Walk(reader);
  parser.on('doctype', () => {
    throw refusedXml('a document type definition is not taken');
  });
  parser.on('error', (error) => {
    throw refusedXml(`is not well-formed XML: ${error.message}`);
  });
  parser.on('opentagstart', () => walk.begin());
  parser.on('attribute', ({ name, value }) => walk.attribute(name, value));
  parser.on('opentag', ({ name }) => walk.open(name));
  parser.on('text', (part) => walk.text(part));
  parser.on('cdata', (part) => walk.text(part));
  parser.on('closetag', () => walk.close());
  for (let at = 0; at < text.length; at += SLICE) {
    parser.write(text.slice(at, at + SLICE));
    await setImmediate();
  }
  parser.close();
}
