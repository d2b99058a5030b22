import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A frame of a real lock or of a vendor's manual, with what it holds by name of its place in what `describe` gives. */
export interface KnownFrame {
  n: number;
  name: string;
  frame: string;
  source: string;
  decoded: string;
  profile: string;
  /** `frames`: how many are cut out; `tag.XX` and `read.XX.…`: of the item with this id; null: absent. */
  expect: Record<string, unknown>;
}

export const FRAMES: KnownFrame[] = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/frames.json'), 'utf8'));

export const bytesOf = ({ frame }: Pick<KnownFrame, 'frame'>): Uint8Array =>
  /^[0-9a-f]+$/i.test(frame)
    ? Uint8Array.from(Buffer.from(frame, 'hex'))
    : Uint8Array.from(Buffer.from(frame, 'latin1'));
