import fc from 'fast-check';
import { z } from 'zod';

type Node = z.core.JSONSchema.JSONSchema;

const nodeOf = (schema: z.ZodType): Node => z.toJSONSchema(schema, { io: 'input' });

/** Values that a schema takes, made up from the schema itself: a field that is added to it is in them. */
export function validValues(schema: z.ZodType): fc.Arbitrary<Record<string, unknown>> {
  return valid(nodeOf(schema)) as fc.Arbitrary<Record<string, unknown>>;
}

/** Every field of a schema by its path, e.g. `['position', 'lon']`, the groups too. */
export function pathsIn(schema: z.ZodType): string[][] {
  const below = (node: Node): string[][] =>
    Object.entries(node.properties ?? {}).flatMap(([key, own]) => [
      [key],
      ...below(own as Node).map((path) => [key, ...path]),
    ]);
  return below(nodeOf(schema));
}

/** JSON of the values on and just beyond every bound in a schema. */
export function boundsIn(schema: z.ZodType): string[] {
  const found = new Set<string>();
  const visit = (node: Node): void => {
    for (const bound of [node.minimum, node.maximum]) {
      if (bound !== undefined) for (const by of [-1, -0.5, 0, 0.5, 1]) found.add(String(bound + by));
    }
    if (node.maxLength !== undefined) {
      for (const by of [0, 1]) found.add(JSON.stringify('x'.repeat(node.maxLength + by)));
    }
    for (const word of node.enum ?? []) found.add(JSON.stringify(word));
    for (const own of Object.values(node.properties ?? {})) visit(own as Node);
  };
  visit(nodeOf(schema));
  return [...found];
}

function valid(node: Node): fc.Arbitrary<unknown> {
  if (node.const !== undefined) return fc.constant(node.const);
  if (node.enum !== undefined) return fc.constantFrom(...node.enum);
  const choices = node.oneOf ?? node.anyOf;
  if (choices !== undefined) return fc.oneof(...choices.map((choice) => valid(choice as Node)));
  switch (node.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: node.minimum ?? -1e6, max: node.maximum ?? 1e6 });
    case 'number':
      return number(node.minimum ?? -1e6, node.maximum ?? 1e6);
    case 'string':
      return node.format === 'date-time'
        ? time
        : fc.string({ unit: 'grapheme', ...lengths(node) }).filter(isShort(node));
    case 'array':
      return fc.array(valid(node.items as Node), { maxLength: 3 });
    case 'object':
      return object(node);
    default:
      throw new Error(`cannot make up a value of ${JSON.stringify(node)}`);
  }
}

const number = (min: number, max: number) =>
  fc.oneof(fc.double({ min, max, noNaN: true }), fc.integer({ min: Math.ceil(min), max: Math.floor(max) }));

const lengths = ({ minLength = 0, maxLength = 20 }: Node) => ({ minLength, maxLength: Math.min(maxLength, 20) });
/** A character may take more than one unit of length. */
const isShort =
  ({ maxLength = 1e6 }: Node) =>
  (text: string) =>
    text.length <= maxLength && !text.includes('\0');

const time = fc
  .date({ min: new Date(0), max: new Date('2099-12-31T23:59:59.999Z'), noInvalidDate: true })
  .chain((date) => fc.constantFrom(date.toISOString(), date.toISOString().replace(/\.\d{3}/, '')));

function object({ properties = {}, required = [] }: Node): fc.Arbitrary<unknown> {
  const values = Object.entries(properties).map(([key, own]) => [key, valid(own as Node)] as const);
  return fc.record(Object.fromEntries(values), { requiredKeys: required });
}
