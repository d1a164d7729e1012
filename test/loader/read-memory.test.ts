import { describe, expect, it } from "vitest";

import { ReadMemory } from "../../src/loader/pictures/read-memory.ts";

const KILOBYTE = 1024;

/** Lends memory for a picture of so many bytes, as a file gives it: in the memory where it fits. */
async function read(memory: ReadMemory, numBytes: number): Promise<ArrayBufferLike> {
  return memory.lend(
    async (into) =>
      into.length >= numBytes ? into.subarray(0, numBytes) : new Uint8Array(numBytes),
    async (bytes) => bytes.buffer,
  );
}

describe("the memory that pictures are read into", () => {
  it("is used again for the next picture", async () => {
    const memory = new ReadMemory();
    const first = await read(memory, 90 * KILOBYTE);
    expect(await read(memory, 100 * KILOBYTE)).toBe(first);
  });

  it("grows to the largest picture, and then fits all", async () => {
    const memory = new ReadMemory();
    await read(memory, 700 * KILOBYTE);
    const grown = await read(memory, 700 * KILOBYTE);
    expect(await read(memory, 10)).toBe(grown);
    expect(await read(memory, 600 * KILOBYTE)).toBe(grown);
  });

  it("is not kept as large as one odd file is", async () => {
    const memory = new ReadMemory();
    const usual = await read(memory, 90 * KILOBYTE);
    await read(memory, 5 * KILOBYTE ** 2);
    expect(await read(memory, 90 * KILOBYTE)).toBe(usual);
  });

  it("is another one for each picture in hand", async () => {
    const memory = new ReadMemory();
    const done = Promise.withResolvers<void>();
    const offered: Uint8Array[] = [];
    const hold = (level: number): Promise<number | undefined> =>
      memory.lend(
        async (into) => {
          offered.push(into);
          return into.fill(level).subarray(0, 5);
        },
        async (bytes) => {
          await done.promise;
          return bytes[4];
        },
      );
    const held = [hold(1), hold(2), hold(3)];
    done.resolve();
    expect(await Promise.all(held)).toEqual([1, 2, 3]);
    expect(new Set(offered).size).toBe(3);
  });

  it("comes back where reading or decoding fails", async () => {
    const memory = new ReadMemory();
    const first = await read(memory, 10);
    const broken = Promise.reject(new Error("broken"));
    await expect(memory.lend(() => broken, read.bind(undefined, memory, 1))).rejects.toThrow(
      "broken",
    );
    expect(await read(memory, 10)).toBe(first);
  });
});
