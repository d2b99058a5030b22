import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of random numbers; the same seed and name give the same stream on every machine. */
export interface Random {
  /** uniform in [0, 1) */
  unit(): number;
  /** uniform in [from, to) */
  between(from: number, to: number): number;
  /** whole number in [from, to], both included */
  whole(from: number, to: number): number;
  /** standard normal */
  normal(): number;
  pick<T>(items: readonly T[]): T;
}

/** FNV-1a, 32 bits: spreads a stream's name over seeds. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value | 0;
}

/**
 * Returns one stream per lock, truck or decision, so that adding one does not change the others.
 * @param seed any whole number
 * @param name what the stream is for, e.g. `JT70100001/gnss`
 */
export function randomStream(seed: number, name: string): Random {
  const generator = xoroshiro128plus(hash(`${seed}/${name}`));
  const unit = () => uniformFloat64(generator);
  return {
    unit,
    between: (from, to) => from + (to - from) * unit(),
    whole: (from, to) => from + Math.floor(unit() * (to - from + 1)),
    // Box–Muller; 1 − u keeps the logarithm away from zero.
    normal: () => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit()),
    pick: (items) => {
      const item = items[Math.floor(unit() * items.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
  };
}
