import type { Floats } from "./detections.ts";
import { RegionFault } from "./region-fault.ts";

/** An array of a .npy file, in row order. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly values: Floats;
}

const MAGIC = "\u{93}NUMPY";
const PREFIX_BYTES = 8;
/** Version 1 gives the header's size in two bytes, 2 and 3 in four. */
const MAX_HEADER_BYTES = 2 ** 16;
const HEADER =
  /^\{\s*'descr':\s*(?<descr>'[^']*'|\[.*\])\s*,\s*'fortran_order':\s*(?<fortran>True|False)\s*,\s*'shape':\s*\((?<shape>[\d,\s]*)\)\s*,?\s*\}\s*$/;

const floatTypes = {
  "<f2": Float16Array,
  "<f4": Float32Array,
  "<f8": Float64Array,
} as const;

/**
 * Reads a .npy file (format versions 1.0, 2.0 and 3.0) of little-endian floats of 16, 32 or 64 bits. Nothing is
 * ever unpickled: an array of Python objects is refused. Throws RegionFault; `name` is the file's, for the message.
 */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const { header, start } = headerOf(bytes, name);
  const { descr = "", fortran = "", shape: shapeText = "" } = HEADER.exec(header)?.groups ?? {};
  if (descr === "") {
    throw new RegionFault("REG_UNREADABLE", `${name} has the header ${JSON.stringify(header)}`);
  }
  const type = Object.entries(floatTypes).find(([known]) => `'${known}'` === descr)?.[1];
  if (type === undefined) {
    const why = descr.includes("O") ? "Python objects, which only unpickling could read" : descr;
    throw new RegionFault("REG_SHAPE", `${name} holds ${why}; expected floats`);
  }
  if (fortran === "True") {
    throw new RegionFault("REG_SHAPE", `${name} is in column order; expected rows`);
  }
  const shape = shapeText
    .split(",")
    .filter((part) => part.trim() !== "")
    .map(Number);
  const sizeBytes = shape.reduce((product, size) => product * size, type.BYTES_PER_ELEMENT);
  const found = bytes.byteLength - start;
  if (found !== sizeBytes) {
    const message = `${name} has ${found} bytes of values, its shape (${shape.join(", ")}) takes ${sizeBytes}`;
    throw new RegionFault("REG_UNREADABLE", message);
  }
  // A copy, because a typed array starts at a multiple of its element's size. (A Buffer's slice would be none.)
  const values = new type(new Uint8Array(bytes.subarray(start)).buffer);
  return { shape, values };
}

function headerOf(bytes: Uint8Array, name: string): { header: string; start: number } {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < PREFIX_BYTES + 2 || data.toString("latin1", 0, MAGIC.length) !== MAGIC) {
    throw new RegionFault("REG_UNREADABLE", `${name} is no .npy file`);
  }
  const version = data.readUInt8(6);
  if (version < 1 || version > 3) {
    throw new RegionFault(
      "REG_UNREADABLE",
      `${name} has the .npy version ${version}; expected 1 to 3`,
    );
  }
  const numSizeBytes = version === 1 ? 2 : 4;
  const start = PREFIX_BYTES + numSizeBytes;
  const size = start > data.length ? Infinity : data.readUIntLE(PREFIX_BYTES, numSizeBytes);
  if (size > MAX_HEADER_BYTES || start + size > data.length) {
    throw new RegionFault("REG_UNREADABLE", `${name} ends in its header`);
  }
  return { header: data.toString("utf8", start, start + size), start: start + size };
}
