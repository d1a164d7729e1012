// The element types of the safetensors format, and how their bytes become the two types of the runtime.

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

/** Sizes in bytes of the format's element types; those smaller than a byte are of no model here. */
export const elementBytes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type ElementType = keyof typeof elementBytes;

/** Where a tensor lies in its file; bytes are counted from the end of the header. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: ElementType;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** Number of elements of a shape. */
export function sizeOfShape(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * A tensor as the runtime has it: F16 and BF16 widened to float32, F64 rounded to it, I64 and smaller integers as
 * int32. Undefined for the types that are not read, and where an integer does not fit. `bytes` begin at their buffer's
 * begin: 32-bit values are not copied.
 */
export function decodeTensor(entry: TensorEntry, bytes: Uint8Array): NamedTensor | undefined {
  const { name, dtype, shape } = entry;
  const floats = floatsOf(dtype, bytes);
  if (floats !== undefined) return { name, dtype: "F32", shape, data: floats };
  const integers = integersOf(dtype, bytes);
  return integers && { name, dtype: "I32", shape, data: integers };
}

function floatsOf(dtype: ElementType, bytes: Uint8Array): Float32Array | undefined {
  const { buffer } = bytes;
  if (dtype === "F32") return new Float32Array(buffer);
  if (dtype === "F16") return new Float32Array(new Float16Array(buffer));
  if (dtype === "F64") return new Float32Array(new Float64Array(buffer));
  if (dtype !== "BF16") return undefined;
  // A bfloat16 is the upper half of a float32.
  const words = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
  return new Float32Array(words.buffer);
}

function integersOf(dtype: ElementType, bytes: Uint8Array): Int32Array | undefined {
  const { buffer } = bytes;
  if (dtype === "I32") return new Int32Array(buffer);
  if (dtype === "I64") return narrowed(new BigInt64Array(buffer));
  if (dtype === "I16") return Int32Array.from(new Int16Array(buffer));
  if (dtype === "I8") return Int32Array.from(new Int8Array(buffer));
  return dtype === "U8" || dtype === "BOOL" ? Int32Array.from(bytes) : undefined;
}

function narrowed(values: BigInt64Array): Int32Array | undefined {
  const narrow = new Int32Array(values.length);
  for (const [index, value] of values.entries()) {
    if (BigInt.asIntN(32, value) !== value) return undefined;
    narrow[index] = Number(value);
  }
  return narrow;
}
