import sharp from "sharp";
import { expect, it } from "vitest";
import { thumbnailWithin } from "../../src/pixels/thumbnail.ts";

/** Noise, which no format makes small; the same each time. */
function noise(width: number, height: number): Promise<Uint8Array> {
  let state = 1;
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state >> 16;
  });
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

it.each([24_000, 6250, 2000])("noise becomes a thumbnail of at most %i bytes", async (maxBytes) => {
  const { length } = await thumbnailWithin(await noise(640, 480), maxBytes);
  expect(length).toBeLessThanOrEqual(maxBytes);
});

it("a plain picture keeps 320 pixels of its longer side, upright and without transparency", async () => {
  const create = { width: 400, height: 800, channels: 4, background: "#ff000000" } as const;
  const turned = await sharp({ create }).withMetadata({ orientation: 6 }).png().toBuffer();
  const made = await sharp(await thumbnailWithin(turned, 9000)).metadata();
  expect(made).toMatchObject({ format: "webp", width: 320, height: 160, hasAlpha: false });
});

it("a picture that is smaller is not enlarged", async () => {
  const create = { width: 30, height: 20, channels: 3, background: "#00ff00" } as const;
  const small = await sharp({ create }).jpeg().toBuffer();
  expect(await sharp(await thumbnailWithin(small, 2000)).metadata()).toMatchObject({ width: 30 });
});
