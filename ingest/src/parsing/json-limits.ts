import { ApiProblem } from '../problem.ts';

/** What a JSON text may hold; counted before anything of it is parsed. */
export interface JsonLimits {
  /** Arrays and objects inside of each other. */
  depth: number;
  /** Members, items, arrays and objects, all together. */
  values: number;
  /** Members of objects. */
  members: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

function tooMany(most: number, what: string): ApiProblem {
  const expected = `at most ${most} ${what}`;
  const error = { path: '', message: `holds too many ${what}`, expected };
  return new ApiProblem(422, 'body.too-many-values', `expected ${expected}`, [error]);
}

/** Counts a JSON text piece by piece. It does not judge the text: that is the parser's work. */
export class JsonCounter {
  readonly #limits: JsonLimits;
  #depth = 0;
  #values = 0;
  #members = 0;
  #inText = false;
  #escaped = false;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
  }

  /** @throws ApiProblem 422 `body.too-deep` or `body.too-many-values` */
  count(bytes: Uint8Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const byte = bytes[i];
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inText = false;
      } else if (byte === QUOTE) this.#inText = true;
      else if (byte === COMMA) this.#value();
      else if (byte === COLON) this.#member();
      // [ and {, ] and }
      else if (byte === 0x5b || byte === 0x7b) this.#open();
      else if (byte === 0x5d || byte === 0x7d) this.#depth--;
    }
  }

  #open(): void {
    this.#value();
    if (++this.#depth <= this.#limits.depth) return;
    const expected = `at most ${this.#limits.depth} arrays and objects inside of each other`;
    throw new ApiProblem(422, 'body.too-deep', `expected ${expected}`, [
      { path: '', message: 'is nested too deeply', expected },
    ]);
  }

  #member(): void {
    if (++this.#members > this.#limits.members) throw tooMany(this.#limits.members, 'members');
  }

  #value(): void {
    if (++this.#values > this.#limits.values) throw tooMany(this.#limits.values, 'values');
  }
}
