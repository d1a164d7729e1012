import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { DecodingThreads } from "../../../src/cli/validation/decoding-threads.ts";

function drawn(width: number, height: number): Promise<Buffer> {
  const background = { r: 10, g: width, b: height };
  return sharp({ create: { width, height, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

describe("threads that decode pictures", () => {
  it("give each picture's own size, of whatever memory it is a part", async () => {
    await using threads = new DecodingThreads(2);
    const sizes = Array.from({ length: 12 }, (_, index) => ({
      width: 16 + 8 * index,
      height: 200 - 8 * index,
    }));
    const pictures = await Promise.all(sizes.map(({ width, height }) => drawn(width, height)));
    const memory = Buffer.concat(pictures);
    let start = 0;
    const decodes = pictures.map(({ length }) => {
      start += length;
      return threads.decode(memory.subarray(start - length, start));
    });
    // What was given may be overwritten at once.
    memory.fill(0);
    expect(await Promise.all(decodes)).toEqual(sizes);
  });

  it("tell of a damaged picture and go on with the next", async () => {
    await using threads = new DecodingThreads(1);
    const whole = await drawn(64, 48);
    const cut = threads.decode(whole.subarray(0, -40));
    const next = threads.decode(whole);
    await expect(cut).rejects.toThrow(/cut|end|premature/i);
    expect(await next).toEqual({ width: 64, height: 48 });
  });

  it("are not there before they are needed, and end with their disposal", async () => {
    const threads = new DecodingThreads(2);
    await threads[Symbol.asyncDispose]();
    await using others = new DecodingThreads(2);
    expect(await others.decode(await drawn(8, 8))).toEqual({ width: 8, height: 8 });
  });
});
