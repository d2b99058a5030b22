/** One pixel of a colour that nothing else on the map has (#ff00ff). */
export const PIXEL_PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z/AfAAQAAf8iCjrwAAAAAElFTkSuQmCC',
  'base64',
);

/** A vector tile (MVT 2) whose layer `water` covers it all. */
export const WATER_MVT = (() => {
  const square = [9, 0, 0, 26, 8_192, 0, 0, 8_192, 8_191, 0, 15].flatMap(varint);
  const feature = [0x18, 3, 0x22, square.length, ...square];
  const name = [...Buffer.from('water')];
  const layer = [0x78, 2, 0x0a, name.length, ...name, 0x12, feature.length, ...feature, 0x28, ...varint(4_096)];
  return Buffer.from([0x1a, layer.length, ...layer]);
})();

const HEADER_BYTES = 127;

export interface ArchiveOptions {
  /** As in the header: 1 MVT, 2 PNG. */
  tileType?: number;
  tile?: Buffer;
}

/** A PMTiles archive (version 3) whose only tile is the world, nothing in it compressed. */
export function pmtilesArchive({ tileType = 2, tile = PIXEL_PNG }: ArchiveOptions = {}): Buffer {
  const metadata = Buffer.from('{}');
  // One entry: tile 0, in a run of 1, so many bytes, at the begin of the data; sizes are varints.
  const directory = Buffer.from([1, 0, 1, ...varint(tile.length), 1]);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('PMTiles', 'latin1');
  header.writeUInt8(3, 7);
  const dataAt = HEADER_BYTES + directory.length + metadata.length;
  const sections = [
    HEADER_BYTES,
    directory.length,
    HEADER_BYTES + directory.length,
    metadata.length,
    dataAt,
    0,
    dataAt,
  ];
  for (const [i, value] of [...sections, tile.length, 1, 1, 1].entries())
    header.writeBigUInt64LE(BigInt(value), 8 + i * 8);
  header.set([1, 1, 1, tileType, 0, 0], 96);
  for (const [i, degrees] of [-180, -85, 180, 85].entries()) header.writeInt32LE(degrees * 1e7, 102 + i * 4);
  return Buffer.concat([header, directory, metadata, tile]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}
