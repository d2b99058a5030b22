import { Report } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { decode, describe as describeFrame, type RawFrame, reportsOf, Splitter } from '../src/index.ts';
import { bytesOf, FRAMES } from './frames.ts';
import { profileOf } from './profiles.ts';

type Members = Record<string, unknown>;
const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((one, key) => {
    if (key === 'length') return (one as unknown[]).length;
    return (one as Members | undefined)?.[key];
  }, value);

/** `tag.D4`: the value of the item D4; `read.0B.type`: a member of what was read of the item 0B. */
function valueAt(seen: Members, path: string): unknown {
  const [kind = '', id, ...rest] = path.split('.');
  if (kind !== 'tag' && kind !== 'read') return at(seen, path);
  const tags = (at(seen, 'message.location.tags') ?? at(seen, 'message.record.tags')) as { id: string }[];
  const tag = tags.find((one) => one.id === id);
  return kind === 'tag' ? at(tag, 'value') : at(tag, ['read', ...rest].join('.'));
}

function cutAll(bytes: Uint8Array): RawFrame[] {
  const splitter = new Splitter();
  return [...splitter.push(bytes), ...splitter.end()];
}

/** The sources give degrees to six places. */
const PLACES = 6;

describe('real frames', () => {
  it.each(FRAMES)('$n $name says what its source says', (known) => {
    const profile = profileOf(known.profile);
    const cut = cutAll(bytesOf(known));
    const { frames = 1, ...expected } = known.expect;
    expect(cut).toHaveLength(frames as number);
    const [frame] = cut;
    if (frame === undefined) return;
    const decoded = decode(frame);
    const seen = describeFrame(frame, decoded, profile);
    for (const [path, value] of Object.entries(expected)) {
      const found = valueAt(seen, path);
      if (value === null) expect(found, path).toBeUndefined();
      else if (typeof value === 'number' && !Number.isInteger(value))
        expect(found, path).toBeCloseTo(value, PLACES - 1);
      else expect(found, path).toEqual(value);
    }
    if (!('believed' in expected)) expect(decoded.faults).toEqual([]);
    for (const { report } of reportsOf(decoded, profile).records) expect(Report.parse(report)).toEqual(report);
  });

  it('finds the same frame behind bytes that belong to none', () => {
    const known = FRAMES.find(({ n }) => n === 105);
    const clean = bytesOf(known!);
    expect(cutAll(Uint8Array.of(0x24, 0x24, ...clean))).toEqual(cutAll(clean));
    expect(cutAll(clean)).toHaveLength(1);
  });
});
