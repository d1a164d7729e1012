import { z } from "zod";
import { StateError } from "../../core/errors.ts";
import { type ElementType, elementBytes, sizeOfShape, type TensorEntry } from "./element-types.ts";

// The safetensors format: 8 bytes little-endian header length, a JSON header that names each tensor's type,
// shape and byte range, then the bytes of all tensors without a gap.

/** The bytes before the header: its length. */
export const PREFIX_BYTES = 8;
/** The format's own limit. */
export const MAX_HEADER_BYTES = 100_000_000;
const ALIGNMENT = 8;
/** The one name of a header that is no tensor's. */
export const METADATA = "__metadata__";

const elementTypes = Object.keys(elementBytes);

function isElementType(text: string): text is ElementType {
  return elementTypes.includes(text);
}

const entrySchema = z.strictObject({
  dtype: z.string().refine(isElementType, { error: "no element type that is known here" }),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

const metadataSchema = z.record(z.string(), z.string());

export interface TensorHeader {
  /** In the order of their bytes. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a tensor of a file is, before its bytes. */
export interface TensorDescription {
  readonly name: string;
  readonly dtype: "F32" | "I32";
  readonly shape: readonly number[];
}

/**
 * Reads a header; `dataBytes` is how many bytes follow it. StateError unless every byte of the file belongs to exactly
 * one tensor, each name comes once, and each range is as long as its shape says.
 */
export function parseHeader(
  bytes: Uint8Array,
  file: { readonly path: string; readonly dataBytes: number },
): TensorHeader {
  const text = decodeText(bytes, file.path);
  const header = parseJson(text, file.path);
  const repeated = findRepeatedName(text);
  if (repeated !== undefined) throw malformed(file.path, `the name ${repeated} comes twice`);
  const members = Object.entries(header);
  const entries = members
    .filter(([name]) => name !== METADATA)
    .map(([name, value]) => parseEntry(name, value, file.path))
    .toSorted((a, b) => a.start - b.start || a.end - b.end);
  requireGapless(entries, file);
  const [, metadata = {}] = members.find(([name]) => name === METADATA) ?? [];
  const read = metadataSchema.safeParse(metadata);
  if (!read.success) throw malformed(file.path, `${METADATA}: ${z.prettifyError(read.error)}`);
  return { entries, metadata: read.data };
}

/** The length and the header of a file that holds these tensors one after the other; the data starts on 8 bytes. */
export function headerBytes(tensors: readonly TensorDescription[]): Uint8Array {
  let offset = 0;
  const entries = tensors.map(({ name, dtype, shape }) => {
    const start = offset;
    offset += sizeOfShape(shape) * elementBytes[dtype];
    return [name, { dtype, shape, data_offsets: [start, offset] }] as const;
  });
  const json = JSON.stringify(Object.fromEntries(entries));
  const length = Math.ceil(Buffer.byteLength(json) / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(PREFIX_BYTES + length, " ");
  header.writeBigUInt64LE(BigInt(length));
  header.write(json, PREFIX_BYTES);
  return header;
}

export function malformed(file: string, fault: string): StateError {
  return new StateError(`${file}: not a sound safetensors file: ${fault}`, {
    file,
    remedy: "take the file from its source again, or another checkpoint",
  });
}

function decodeText(bytes: Uint8Array, path: string): string {
  // A byte order mark or a space before the object would be another program's idea of the format.
  if (bytes[0] !== "{".charCodeAt(0)) throw malformed(path, "the header is no JSON object");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed(path, "the header is not UTF-8");
  }
}

function parseJson(text: string, path: string): object {
  try {
    const header: unknown = JSON.parse(text);
    if (typeof header === "object" && header !== null) return header;
  } catch (error) {
    throw malformed(path, `the header is no JSON (${String(error)})`);
  }
  throw malformed(path, "the header is no JSON object");
}

function parseEntry(name: string, value: unknown, path: string): TensorEntry {
  const entry = entrySchema.safeParse(value);
  if (!entry.success) throw malformed(path, `${name}: ${z.prettifyError(entry.error)}`);
  const { dtype, shape, data_offsets: offsets } = entry.data;
  return { name, dtype, shape, start: offsets[0], end: offsets[1] };
}

/** A member name, as written, that one object of a JSON text has twice; JSON.parse keeps only its last value. */
function findRepeatedName(json: string): string | undefined {
  const objects: Set<string>[] = [];
  let text = "";
  // Strings are passed over by hand: a regular expression for them runs out of stack where one has millions of escapes.
  const marks = /["{}:]/g;
  for (let found = marks.exec(json); found !== null; found = marks.exec(json)) {
    const [mark] = found;
    if (mark === "{") objects.push(new Set());
    else if (mark === "}") objects.pop();
    else if (mark === '"') {
      marks.lastIndex = stringEnd(json, found.index);
      text = String(JSON.parse(json.slice(found.index, marks.lastIndex)));
    } else if (objects.at(-1)?.has(text) === true) return text;
    else objects.at(-1)?.add(text);
  }
  return undefined;
}

/** The place behind the string that begins at `start` of a sound JSON text. */
function stringEnd(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end + 1;
}

function isEscaped(json: string, place: number): boolean {
  let first = place;
  while (json[first - 1] === "\\") first -= 1;
  return (place - first) % 2 === 1;
}

/** Ranges follow each other from 0 to the end of the file, each as long as its shape says. */
function requireGapless(
  entries: readonly TensorEntry[],
  file: { readonly path: string; readonly dataBytes: number },
): void {
  let offset = 0;
  for (const { name, dtype, shape, start, end } of entries) {
    const expected = sizeOfShape(shape) * elementBytes[dtype];
    if (start !== offset || end - start !== expected) {
      throw malformed(
        file.path,
        `${name} has bytes ${start} to ${end}, expected ${offset} to ${offset + expected}`,
      );
    }
    offset = end;
  }
  if (offset !== file.dataBytes) {
    throw malformed(
      file.path,
      `${file.dataBytes} bytes of tensors, the header speaks of ${offset}`,
    );
  }
}
