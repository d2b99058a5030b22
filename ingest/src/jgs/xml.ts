import { isUtf8 } from 'node:buffer';
import { XMLBuilder, XMLParser, XMLValidator } from 'fast-xml-parser';

/** A message holds some twenty short fields and at most two hundred positions. */
export const MAX_XML_BYTES = 128 * 1024;
const MAX_DEPTH = 8;
/** What XML 1.0 does not have; the parser lets it through. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the characters that XML 1.0 forbids are control characters
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/** Content of an element: text, or child elements and attributes by name. */
export type XmlValue = string | XmlNode | (string | XmlNode)[];
export interface XmlNode {
  [name: string]: XmlValue;
}

/** One message, by its root element. */
export interface XmlMessage {
  root: string;
  node: XmlNode;
}

/** A message that cannot be read: a technical error (技术错误), not a business error (业务错误). */
export class XmlFault extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Only the five entities of XML itself are read: a message with a document type is refused before. */
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  removeNSPrefix: true,
  maxNestedTags: MAX_DEPTH,
});
const builder = new XMLBuilder({ format: true, suppressEmptyNode: true });

/**
 * Reads one message: UTF-8, at most MAX_XML_BYTES and MAX_DEPTH levels, no document type and so no entity definitions.
 * @throws XmlFault saying what was expected
 */
export function readXml(body: Buffer): XmlMessage {
  if (body.length > MAX_XML_BYTES) throw new XmlFault('xml.too-large', `expected at most ${MAX_XML_BYTES} bytes`);
  if (!isUtf8(body)) throw new XmlFault('xml.encoding', 'expected UTF-8');
  const text = body.toString('utf8');
  if (/^\s*<\?xml[^>]*encoding=["'](?!utf-?8["'])/i.test(text)) throw new XmlFault('xml.encoding', 'expected UTF-8');
  if (FORBIDDEN.test(text)) throw new XmlFault('xml.malformed', 'holds a character that XML 1.0 does not have');
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw new XmlFault('xml.doctype', 'a document type definition is not taken');
  const wellFormed = XMLValidator.validate(text);
  if (wellFormed !== true) {
    throw new XmlFault('xml.malformed', `${wellFormed.err.msg} (line ${wellFormed.err.line})`);
  }
  return rootOf(parse(text));
}

function parse(text: string): XmlNode {
  try {
    return parser.parse(text) as XmlNode;
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unreadable';
    throw new XmlFault('xml.malformed', `${reason}; expected at most ${MAX_DEPTH} levels`);
  }
}

function rootOf(document: XmlNode): XmlMessage {
  const [root, value] = Object.entries(document)[0] ?? [];
  if (root === undefined || value === undefined) throw new XmlFault('xml.empty', 'expected one message');
  return { root, node: nodesOf(value)[0] ?? {} };
}

const textOf = (value: string | XmlNode): string =>
  (typeof value === 'string' ? value : typeof value['#text'] === 'string' ? value['#text'] : '').trim();

/** The text of a field, an element or an attribute; undefined if it is missing or empty. */
export function field(node: XmlNode, name: string): string | undefined {
  const value = Object.hasOwn(node, name) ? node[name] : undefined;
  if (value === undefined) return undefined;
  const text = textOf(Array.isArray(value) ? (value[0] ?? '') : value);
  return text === '' ? undefined : text;
}

/** A time field; a time without a zone is China Standard Time, as gate equipment writes it. */
export function timeField(node: XmlNode, name: string): string | undefined {
  const text = field(node, name);
  const local = /^(\d{4}-\d{2}-\d{2})[ Tt](\d{2}:\d{2}:\d{2}(?:\.\d+)?)$/.exec(text ?? '');
  return local ? `${local[1]}T${local[2]}+08:00` : text;
}

/** A list of two boxes or two locks is joined by "|". */
export const list = (text: string | undefined): string[] => (text ?? '').split('|').map((part) => part.trim());

function nodesOf(value: XmlValue | undefined): XmlNode[] {
  if (value === undefined) return [];
  return [value].flat().filter((one): one is XmlNode => typeof one !== 'string');
}

/** The elements of a name inside a node. */
export const children = (node: XmlNode, name: string): XmlNode[] =>
  nodesOf(Object.hasOwn(node, name) ? node[name] : undefined);

/** Every element inside a node, whatever its name. */
export const blocks = (node: XmlNode): XmlNode[] => Object.values(node).flatMap((value) => nodesOf(value));

/** Writes a message; undefined fields are left out. */
export function printXml(root: string, fields: Record<string, unknown>): string {
  const body = builder.build({ [root]: fields }) as string;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${body}`;
}
