import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, describe, expect, it } from "vitest";
import { jpegCodec, sharpCodec, turboCodec } from "../../src/pixels/jpeg-codec.ts";
import { readJpegStructure } from "../../src/ingest/decoding/jpeg-structure.ts";
import type { RgbPixels } from "../../src/pixels/resampler.ts";
import { realData, realPhotographs } from "../real-data.ts";

function roomFor(jpeg: Uint8Array): RgbPixels {
  const structure = readJpegStructure(jpeg);
  assert(structure !== undefined);
  const { width, height } = structure;
  return { width, height, data: new Uint8Array(width * height * 3) };
}

async function jpegs(): Promise<Buffer[]> {
  const photographs = (await realPhotographs()).map((path) => join(realData("images/coco"), path));
  const odd = ["hopper_gray.jpg", "hopper_16bit_qtables.jpg", "gamma_dalai_lama_gray.jpg"];
  const paths = [...photographs, ...odd.map((name) => realData("images/odd", name))];
  return Promise.all(paths.map((path) => readFile(path)));
}

const codecs = [await jpegCodec(), await sharpCodec()];

describe("The JPEG codecs", () => {
  it.runIf(process.platform === "linux")("are libjpeg-turbo's own library on Linux", async () => {
    expect((await jpegCodec()).name).toBe("libjpeg-turbo");
  });

  it("give the same pixels and the same bytes", async () => {
    const turbo = (await turboCodec()) ?? (await jpegCodec());
    const sharpOnly = await sharpCodec();
    for (const jpeg of await jpegs()) {
      const [one, other] = [roomFor(jpeg), roomFor(jpeg)];
      await turbo.decode(jpeg, one);
      await sharpOnly.decode(jpeg, other);
      expect(Buffer.compare(one.data, other.data)).toBe(0);
      for (const quality of [75, 95, 100]) {
        const encoded = await turbo.encode(one, quality);
        expect(Buffer.compare(encoded, await sharpOnly.encode(one, quality))).toBe(0);
      }
    }
  });

  it.each(codecs)("refuse what is damaged and go on with the next: $name", async (codec) => {
    const hopper = await readFile(realData("images/odd/hopper.jpg"));
    const whole = roomFor(hopper);
    await codec.decode(hopper, whole);
    const end = Buffer.from([0xff, 0xd9]);
    const damaged = [
      hopper.subarray(0, 150),
      hopper.subarray(0, 3000),
      Buffer.concat([hopper.subarray(0, 3000), end]),
    ];
    for (const bytes of damaged) {
      await expect(codec.decode(bytes, roomFor(hopper))).rejects.toThrow(
        /Premature|premature|header/i,
      );
      const again = roomFor(hopper);
      await codec.decode(hopper, again);
      expect(Buffer.compare(again.data, whole.data)).toBe(0);
    }
  });

  it("never write outside the room they are given", async () => {
    const hopper = await readFile(realData("images/odd/hopper.jpg"));
    const small = { width: 127, height: 128, data: new Uint8Array(127 * 128 * 3) };
    for (const codec of codecs) {
      await expect(codec.decode(hopper, small)).rejects.toThrow(/128 x 128/);
    }
    expect(small.data.every((value) => value === 0)).toBe(true);
  });
});
