import { describe, expect, it } from "vitest";

import { checksumMemory, xxh64 } from "../../../src/core/checksum/xxh64.ts";

/** As xxHash's own tests make their input. */
function input(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let generator = 2654435761n;
  for (let place = 0; place < length; place += 1) {
    bytes[place] = Number(generator >> 56n);
    generator = BigInt.asUintN(64, generator * 11400714785074694797n);
  }
  return bytes;
}

function inPlace(bytes: Uint8Array, offset: number): Uint8Array {
  const memory = checksumMemory(bytes.length + offset);
  memory.set(bytes, offset);
  return memory.subarray(offset, offset + bytes.length);
}

// Python's xxhash 4.1.0 (xxHash 0.8.4): xxhash.xxh64(input).intdigest().
const known: readonly (readonly [numBytes: number, checksum: bigint])[] = [
  [0, 0xef46db3751d8e999n],
  [1, 0xe934a84adb052768n],
  [3, 0xff7e1959cb50794an],
  [4, 0x9136a0dca57457een],
  [8, 0xcdbcf538e71d1348n],
  [14, 0x8282dcc4994e35c8n],
  [31, 0x299b39a290e6d783n],
  [32, 0x18b216492bb44b70n],
  [63, 0xa9efbe0fa0f3f4e7n],
  [222, 0xb641ae8cb691c174n],
  [1000, 0x52bd1358f22e9ef7n],
];

describe("xxh64", () => {
  it.each(known)("of %i bytes is what xxHash gives", (numBytes, checksum) => {
    expect(xxh64(input(numBytes))).toBe(checksum);
    for (const offset of [0, 1, 7]) expect(xxh64(inPlace(input(numBytes), offset))).toBe(checksum);
  });

  it("tells bytes from the same with any bit changed", () => {
    const bytes = inPlace(input(301), 0);
    const seen = new Set([xxh64(bytes)]);
    for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
      const place = bit >> 3;
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (bit & 7));
      seen.add(xxh64(bytes));
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (bit & 7));
    }
    expect(seen.size).toBe(1 + 8 * bytes.length);
    expect(xxh64(bytes)).toBe(xxh64(input(301)));
  });

  it("is the same of bytes in memory that is much larger or shared", () => {
    const bytes = new Uint8Array(5 * 2 ** 20).fill(7);
    bytes.set(input(100));
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    expect(xxh64(shared)).toBe(xxh64(bytes));
    expect(xxh64(bytes.subarray(0, 100))).toBe(xxh64(input(100)));
  });
});
