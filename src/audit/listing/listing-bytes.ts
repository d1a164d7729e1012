import { type ListingColumns, PictureListing } from "./picture-listing.ts";

/** To be raised when a listing's layout changes, or what a picture is called, or how names and texts are told apart. */
export const LISTING_VERSION = 1;

// A table of the columns' lengths in bytes, 32 bits each, then the columns, each from a place that a word may have.
const WORD_BYTES = Uint32Array.BYTES_PER_ELEMENT;

/** A listing as it is kept on this machine, in its order of bytes. */
export function encodeListing({ columns }: PictureListing): Uint8Array {
  const parts = partsOf(columns);
  const table = Uint32Array.from(parts, ({ byteLength }) => byteLength);
  const numBytes = parts.reduce((sum, { byteLength }) => sum + padded(byteLength), 0);
  const encoded = new Uint8Array(table.byteLength + numBytes);
  encoded.set(bytesOf(table));
  let at = table.byteLength;
  for (const part of parts) {
    encoded.set(bytesOf(part), at);
    at += padded(part.byteLength);
  }
  return encoded;
}

/** The listing that `encodeListing` made these bytes of; undefined where they are of another length than they say. */
export function decodeListing(bytes: Uint8Array): PictureListing | undefined {
  const { buffer } = Uint8Array.from(bytes); // begins where a word may
  const tableBytes = NUM_PARTS * WORD_BYTES;
  if (buffer.byteLength < tableBytes) return undefined;
  const lengths = [...new Uint32Array(buffer, 0, NUM_PARTS)];
  const total = lengths.reduce((sum, length) => sum + padded(length), tableBytes);
  if (total !== buffer.byteLength || lengths.some(isNoColumn)) return undefined;
  let end = tableBytes;
  const starts = lengths.map((length) => {
    end += padded(length);
    return end - padded(length);
  });
  const words = (part: number): Uint32Array =>
    new Uint32Array(buffer, starts[part], (lengths[part] ?? 0) / WORD_BYTES);
  const texts = (part: number): Uint8Array => new Uint8Array(buffer, starts[part], lengths[part]);
  return new PictureListing({
    endsOfPictures: words(0),
    endsOfMarks: words(1),
    marks: words(2),
    endsOfNames: words(3),
    fields: words(4),
    nameHashes: words(5),
    sceneKeys: { ends: words(6), bytes: texts(7) },
    perceptualHashes: { ends: words(8), bytes: texts(9) },
    names: { ends: words(10), bytes: texts(11) },
  });
}

const NUM_PARTS = 12;
/** The parts that are texts, not words. */
const TEXT_PARTS: ReadonlySet<number> = new Set([7, 9, 11]);

/** In the order in which `decodeListing` names them. */
function partsOf(columns: ListingColumns): readonly (Uint32Array | Uint8Array)[] {
  const { sceneKeys, perceptualHashes, names } = columns;
  return [
    columns.endsOfPictures,
    columns.endsOfMarks,
    columns.marks,
    columns.endsOfNames,
    columns.fields,
    columns.nameHashes,
    ...[sceneKeys, perceptualHashes, names].flatMap(({ bytes, ends }) => [ends, bytes]),
  ];
}

function isNoColumn(length: number, part: number): boolean {
  return length % WORD_BYTES !== 0 && !TEXT_PARTS.has(part);
}

function padded(length: number): number {
  return Math.ceil(length / WORD_BYTES) * WORD_BYTES;
}

function bytesOf({ buffer, byteLength, byteOffset }: Uint32Array | Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
