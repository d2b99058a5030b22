import { open } from 'node:fs/promises';
import type { Basemap } from '@sealwatch/schemas';

type Archive = Pick<Extract<Basemap, { kind: 'pmtiles' }>, 'content' | 'minZoom' | 'maxZoom' | 'bounds'>;

const HEADER_BYTES = 127;
/** By the tile type in the header. 1 is MVT; 6 (MLT) is refused, because the screens cannot read it. */
const CONTENT: Record<number, Archive['content']> = { 1: 'vector', 2: 'raster', 3: 'raster', 4: 'raster', 5: 'raster' };

/**
 * Reads the header of a PMTiles archive, version 3 (https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md).
 * @throws Error naming what is wrong with the file
 */
export async function readPmtiles(path: string): Promise<Archive> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the file ${path} cannot be read (${error.code}); give the path of a PMTiles file`);
  });
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await file.read(header, 0, HEADER_BYTES, 0);
    if (bytesRead < HEADER_BYTES || header.toString('latin1', 0, 7) !== 'PMTiles' || header.readUInt8(7) !== 3) {
      throw new Error(`${path} is not a PMTiles file of version 3; make one with \`pmtiles convert\``);
    }
    const content = CONTENT[header.readUInt8(99)];
    if (content === undefined)
      throw new Error(`${path} has tiles that the screens cannot draw; expected MVT, PNG, JPEG, WebP or AVIF`);
    const degrees = (at: number) => header.readInt32LE(at) / 1e7;
    return {
      content,
      minZoom: header.readUInt8(100),
      maxZoom: header.readUInt8(101),
      bounds: [degrees(102), degrees(106), degrees(110), degrees(114)],
    };
  } finally {
    await file.close();
  }
}
