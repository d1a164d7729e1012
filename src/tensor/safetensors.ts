import assert from "node:assert/strict";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { errnoOf, StateError } from "../core/errors.ts";
import { syncFolder } from "../core/files.ts";

// The safetensors format: 8 bytes little-endian header length, a JSON header that names each tensor's type,
// shape and byte range, then the bytes of all tensors without a gap.

/** A tensor in memory; `data` has as many elements as the shape says. */
export type NamedTensor =
  | {
      readonly name: string;
      readonly dtype: "F32";
      readonly shape: readonly number[];
      readonly data: Float32Array;
    }
  | {
      readonly name: string;
      readonly dtype: "I32";
      readonly shape: readonly number[];
      readonly data: Int32Array;
    };

const BYTES_PER_ELEMENT = { F32: 4, I32: 4 } as const;
/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
const ALIGNMENT = 8;
/** The one name of a header that is no tensor's. */
const METADATA = "__metadata__";

const entrySchema = z.strictObject({
  dtype: z.enum(["F32", "I32"]),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

interface Entry {
  readonly name: string;
  readonly dtype: "F32" | "I32";
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/**
 * Writes tensors in the order given, one after the other, and the file's name only when it is whole.
 * Equal tensors make equal bytes. Names are distinct and not "__metadata__".
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedTensor[],
): Promise<void> {
  requireWritable(tensors);
  const temporary = `${path}.part`;
  try {
    await using file = await open(temporary, "w");
    await file.writeFile(headerBytes(tensors));
    for (const { data } of tensors) {
      await file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Reads a file tensor by tensor into memory of its own; StateError for a malformed header or a wrong size. */
export async function readSafetensors(path: string): Promise<Map<string, NamedTensor>> {
  await using file = await openExisting(path);
  const { entries, dataStart } = await readHeader(file, path);
  const tensors = new Map<string, NamedTensor>();
  for (const entry of entries) {
    const bytes = new Uint8Array(entry.end - entry.start);
    await readFully(file, { bytes, position: dataStart + entry.start, path });
    tensors.set(entry.name, tensorOf(entry, bytes));
  }
  return tensors;
}

function requireWritable(tensors: readonly NamedTensor[]): void {
  const names = new Set(tensors.map(({ name }) => name));
  assert(names.size === tensors.length, "two tensors of one name");
  assert(!names.has(METADATA), `a tensor named ${METADATA}`);
  for (const { name, shape, data } of tensors) {
    const expected = shape.reduce((product, size) => product * size, 1);
    assert(data.length === expected, `${name} has ${data.length} elements, its shape ${expected}`);
  }
}

function headerBytes(tensors: readonly NamedTensor[]): Uint8Array {
  let offset = 0;
  const entries = tensors.map(({ name, dtype, shape, data }) => {
    const start = offset;
    offset += data.byteLength;
    return [name, { dtype, shape, data_offsets: [start, offset] }] as const;
  });
  const json = JSON.stringify(Object.fromEntries(entries));
  const length = Math.ceil(Buffer.byteLength(json) / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(8 + length, " ");
  header.writeBigUInt64LE(BigInt(length));
  header.write(json, 8);
  return header;
}

async function readHeader(
  file: FileHandle,
  path: string,
): Promise<{ readonly entries: readonly Entry[]; readonly dataStart: number }> {
  const { size } = await file.stat();
  const prefix = Buffer.alloc(8);
  await readFully(file, { bytes: prefix, position: 0, path });
  const length = Number(prefix.readBigUInt64LE());
  if (length > MAX_HEADER_BYTES || 8 + length > size) {
    throw malformed(path, `the header says it is ${length} bytes long, the file has ${size}`);
  }
  const bytes = Buffer.alloc(length);
  await readFully(file, { bytes, position: 8, path });
  const entries = parseEntries(bytes.toString("utf8"), path);
  requireGapless(entries, { path, sizeBytes: size - 8 - length });
  return { entries, dataStart: 8 + length };
}

function parseEntries(text: string, path: string): Entry[] {
  const header = parseJson(text, path);
  if (typeof header !== "object" || header === null || Array.isArray(header))
    throw malformed(path, "the header is no JSON object");
  const repeated = findRepeatedName(text);
  if (repeated !== undefined) throw malformed(path, `the name ${repeated} comes twice`);
  return Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, value]) => {
      const entry = entrySchema.safeParse(value);
      if (!entry.success) throw malformed(path, `${name}: ${z.prettifyError(entry.error)}`);
      const [start, end] = entry.data.data_offsets;
      return { name, dtype: entry.data.dtype, shape: entry.data.shape, start, end };
    })
    .toSorted((a, b) => a.start - b.start || a.end - b.end);
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(path, `the header is no JSON (${String(error)})`);
  }
}

/** A member name, as written, that one object of a JSON text has twice; JSON.parse keeps only its last value. */
function findRepeatedName(json: string): string | undefined {
  const objects: Set<string>[] = [];
  let text = "";
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}:]/g)) {
    if (token === "{") objects.push(new Set());
    else if (token === "}") objects.pop();
    else if (token !== ":") text = String(JSON.parse(token));
    else if (objects.at(-1)?.has(text) === true) return text;
    else objects.at(-1)?.add(text);
  }
  return undefined;
}

/** Ranges follow each other from 0 to the end of the file, each as long as its shape says. */
function requireGapless(
  entries: readonly Entry[],
  file: { readonly path: string; readonly sizeBytes: number },
): void {
  let offset = 0;
  for (const { name, dtype, shape, start, end } of entries) {
    const expected = shape.reduce((product, size) => product * size, BYTES_PER_ELEMENT[dtype]);
    if (start !== offset || end - start !== expected) {
      throw malformed(
        file.path,
        `${name} has bytes ${start} to ${end}, expected ${offset} to ${offset + expected}`,
      );
    }
    offset = end;
  }
  if (offset !== file.sizeBytes) {
    throw malformed(
      file.path,
      `${file.sizeBytes} bytes of tensors, the header speaks of ${offset}`,
    );
  }
}

async function openExisting(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") throw malformed(path, "there is no such file");
    throw error;
  }
}

async function readFully(
  file: FileHandle,
  place: { readonly bytes: Uint8Array; readonly position: number; readonly path: string },
): Promise<void> {
  let done = 0;
  while (done < place.bytes.length) {
    const { bytesRead } = await file.read(
      place.bytes,
      done,
      place.bytes.length - done,
      place.position + done,
    );
    if (bytesRead === 0) throw malformed(place.path, "the file ends early");
    done += bytesRead;
  }
}

function tensorOf({ name, dtype, shape }: Entry, bytes: Uint8Array): NamedTensor {
  const { buffer } = bytes;
  return dtype === "F32"
    ? { name, dtype, shape, data: new Float32Array(buffer) }
    : { name, dtype, shape, data: new Int32Array(buffer) };
}

function malformed(file: string, fault: string): StateError {
  return new StateError(`${file}: not a sound safetensors file: ${fault}`, {
    file,
    remedy: "take the file from its source again, or another checkpoint",
  });
}
