// Cases 1 to 7, 10 to 14 and 16 of the list of hostile inputs: names of tests begin with their numbers. Cases 8 and 9
// are in converted-pictures.test.ts, case 15 in picture-pool.test.ts.
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";
import { Resampler } from "../../../src/pixels/resampler.ts";
import {
  openSource,
  readPicture,
  storeOpened,
} from "../../../src/ingest/pictures/store-picture.ts";
import { realData } from "../../real-data.ts";
import {
  apngOf,
  exifWith,
  gifOf,
  interlacedPng,
  jpegThatSays,
  plain,
  pngThatSays,
  webpOf,
  withSegment,
} from "./made-pictures.ts";
import {
  faultOf,
  outcomeOf,
  type PictureFolder,
  pictureFolder,
  policy,
  referenceTo,
} from "./storing.ts";

let folder: PictureFolder;
let photograph: Buffer; // 640 x 422
let hopper: Buffer; // 128 x 128
beforeAll(async () => {
  folder = await pictureFolder();
  photograph = await readFile(realData("images/coco/train2017/000000000790.jpg"));
  hopper = await readFile(realData("images/odd/hopper.jpg"));
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Measured {
  readonly outcomes: readonly { readonly outcome: string; readonly elapsedMs: number }[];
  readonly peakMiB: number;
}

/** Stores pictures in a process of their own, for its time and memory. */
async function measured(pictures: readonly Uint8Array[]): Promise<Measured> {
  const paths = await Promise.all(
    pictures.map(async (bytes, index) => {
      const path = join(folder.path, `measured-${index}.jpg`);
      await writeFile(path, bytes);
      return path;
    }),
  );
  const script = join(import.meta.dirname, "fixtures/store-and-measure.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [
    script,
    realData("images/odd"),
    ...paths,
  ]);
  return JSON.parse(stdout);
}

describe("A picture that says it is enormous", () => {
  it("case 1: a header of 64,250 x 64,250 is refused before anything is decoded", async () => {
    const jpeg = await jpegThatSays(64_250, 64_250, { progressive: false });
    const { outcomes, peakMiB } = await measured([jpeg, await pngThatSays(64_250, 64_250)]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 2 }, () => "IMG_TOO_MANY_PIXELS"),
    );
    // 10 ms on a machine at rest; sharp has to be loaded for the second.
    expect(outcomes[0]?.elapsedMs).toBeLessThan(100);
    expect(peakMiB).toBeLessThan(300);
  });

  it("case 2: a progressive JPEG of 16,000 x 16,000 is refused, its coefficients never held", async () => {
    const jpeg = await jpegThatSays(16_000, 16_000, { progressive: true });
    const { outcomes, peakMiB } = await measured([jpeg]);
    expect(outcomes[0]?.outcome).toBe("IMG_TOO_MANY_PIXELS");
    expect(outcomes[0]?.elapsedMs).toBeLessThan(100);
    expect(peakMiB).toBeLessThan(300);
  });

  it("case 3: an interlaced PNG of 16,000 x 16,000 in a few KiB is refused", async () => {
    const png = interlacedPng(16_000);
    expect(png.length).toBeLessThan(60_000);
    const { outcomes, peakMiB } = await measured([interlacedPng(16), png]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      "encoded 16x16: grey-to-rgb",
      "IMG_TOO_MANY_PIXELS",
    ]);
    expect(outcomes[1]?.elapsedMs).toBeLessThan(100);
    expect(peakMiB).toBeLessThan(300);
  });

  it("cases 1 to 3: the limit is the recipe's, to the pixel", async () => {
    const png = await plain(100, 50).png().toBuffer();
    expect(await outcomeOf(folder.store(png, { ...policy, maxPixels: 5000 }))).toMatch(/^encoded/);
    const fault = await faultOf(folder.store(png, { ...policy, maxPixels: 4999 }));
    expect(fault).toMatchObject({
      code: "IMG_TOO_MANY_PIXELS",
      message: "its header says more than 4999 pixels",
    });
    expect((await faultOf(folder.store(photograph, { ...policy, maxPixels: 4999 }))).code).toBe(
      "IMG_TOO_MANY_PIXELS",
    );
  });
});

describe("A file that is no picture we read", () => {
  it.each([
    ['<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "SVG"],
    ['\xEF\xBB\xBF<?xml version="1.0"?>\n<!-- x -->\n<svg width="9"/>', "SVG"],
    ["%PDF-1.7 …", "PDF"],
    ["\0\0\0\x1cftypheic", "HEIC or AVIF"],
    ["II*\0", "TIFF"],
    ["MM\0*", "TIFF"],
    ["\0\0\0\x0cjP  \r\n", "JPEG 2000"],
  ])("case 4: %j named .jpg is told by its first bytes", async (content, format) => {
    const fault = await faultOf(folder.store(Buffer.from(content, "latin1")));
    expect(fault.code).toBe("IMG_FORMAT_NOT_ALLOWED");
    expect(fault.message).toBe(`the file is ${format}; read are jpeg, png, webp, gif`);
  });

  it("case 5: an SVG that asks for files, addresses and a billion laughs is not parsed", async () => {
    let numRequests = 0;
    const server = createServer((_, response) => {
      numRequests += 1;
      response.end();
    });
    const address = await new Promise<string>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve(JSON.stringify(server.address()))),
    );
    const { port }: { port: number } = JSON.parse(address);
    const laughs = Array.from({ length: 12 }, (_, depth) => {
      return `<!ENTITY l${depth + 1} "${`&l${depth};`.repeat(10)}">`;
    });
    const svg = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY l0 "lol">${laughs.join("")}]>
      <svg width="9" height="9"><image href="http://127.0.0.1:${port}/"/>
      <image href="file:///etc/passwd"/><text>&l12;</text></svg>`;
    try {
      expect(await outcomeOf(folder.store(Buffer.from(svg)))).toBe("IMG_FORMAT_NOT_ALLOWED");
      expect(numRequests).toBe(0);
    } finally {
      server.close();
    }
  });

  it("case 7: an empty file and a page that says 404 are named, the bytes escaped", async () => {
    expect((await faultOf(folder.store(Buffer.alloc(0)))).code).toBe("IMG_EMPTY");
    const page = await faultOf(folder.store(Buffer.from("<html>\u001B[2J404")));
    expect(page.code).toBe("IMG_NOT_IMAGE");
    expect(page.message).toBe(String.raw`the file begins "<html>\u001b[2J404"`);
    expect(await outcomeOf(folder.store(Buffer.from("photo no longer available")))).toBe(
      "IMG_NOT_IMAGE",
    );
  });
});

describe("A picture that is cut off", () => {
  it("case 6: half of it is refused with the byte at which it ends, never filled with grey", async () => {
    const sources = {
      jpeg: photograph,
      png: await sharp(photograph).png().toBuffer(),
      webp: await sharp(photograph).webp().toBuffer(),
      gif: await sharp(photograph).gif().toBuffer(),
    };
    for (const [format, bytes] of Object.entries(sources)) {
      const half = Math.floor(bytes.length / 2);
      const fault = await faultOf(folder.store(bytes.subarray(0, half)));
      expect(fault.code).toBe("IMG_TRUNCATED");
      expect(fault.message).toBe(`it ends at byte ${half}, before its ${format} data do`);
    }
  });

  it("case 6: no beginning of a JPEG is stored, wherever it is cut, baseline or progressive", async () => {
    const progressive = await sharp(hopper).jpeg({ progressive: true }).toBuffer();
    for (const whole of [hopper, progressive]) {
      for (let length = whole.length - 1; length > 2; length -= length > 6000 ? 1 : 301) {
        expect(await outcomeOf(folder.store(whole.subarray(0, length)))).toMatch(/^IMG_/);
      }
      expect(await outcomeOf(folder.store(whole))).toMatch(/^kept/);
    }
  });

  it("case 6: a JPEG with lost pixels and an end all the same is corrupt", async () => {
    const end = Buffer.from([0xff, 0xd9]);
    const fault = await faultOf(folder.store(Buffer.concat([hopper.subarray(0, 4000), end])));
    expect(fault.code).toBe("IMG_CORRUPT");
  });
});

describe("A picture of unusual form", () => {
  it("case 10: 10,000 frames are counted, the first is taken, in little time and memory", async () => {
    const { outcomes, peakMiB } = await measured([
      gifOf(10_000),
      await webpOf(10_000),
      await apngOf(10_000),
      gifOf(1),
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      "encoded 2x2: palette-to-rgb first-of-10000-frames",
      "encoded 8x8: first-of-10000-frames",
      "encoded 8x8: first-of-10000-frames",
      "encoded 2x2: palette-to-rgb",
    ]);
    for (const { elapsedMs } of outcomes) expect(elapsedMs).toBeLessThan(5000);
    expect(peakMiB).toBeLessThan(400);
  });

  it.each([
    [1, 100_000],
    [100_000, 1],
  ])("case 11: a line of %i x %i is stored, though no JPEG is so long", async (width, height) => {
    const picture = await folder.store(await plain(width, height).png().toBuffer());
    expect(picture).toMatchObject({ format: "png", width, height });
    expect(await sharp(Buffer.from(picture.bytes)).metadata()).toMatchObject({ width, height });
  });

  it.each([
    [1, 1],
    [4, 4],
    [1, 65_500],
  ])("case 11: a picture of %i x %i is stored as JPEG", async (width, height) => {
    const picture = await folder.store(await plain(width, height).png().toBuffer());
    expect(picture).toMatchObject({ format: "jpeg", width, height });
  });

  it("case 12: a picture of one colour is stored like any other", async () => {
    const white = await folder.store(await plain(64, 64, "#ffffff").png().toBuffer());
    const black = await folder.store(await plain(64, 64, "#000000").png().toBuffer());
    expect(white.pixelSha256).toBe(sha256(Buffer.alloc(64 * 64 * 3, 255)));
    expect(black.pixelSha256).toBe(sha256(Buffer.alloc(64 * 64 * 3)));
  });
});

describe("A picture that carries something else", () => {
  it("case 13: what stands after its end is cut off, noted, and shown by the digests", async () => {
    const picture = await folder.store(Buffer.concat([hopper, Buffer.from("PK\x03\x04 a zip")]));
    expect(picture.sha256).toBe(sha256(hopper));
    expect(picture.sourceSha256).not.toBe(picture.sha256);
    expect(picture).toMatchObject({
      sourceSizeBytes: hopper.length + 10,
      notes: ["trailing-bytes-cut"],
    });
  });

  it("case 13: metadata larger than the picture are taken away, its pixels and its orientation are not", async () => {
    const turned = withSegment(hopper, 0xe1, exifWith([[0x0112, 6]]));
    let large = turned;
    for (let count = 0; count < 4; count += 1) {
      large = withSegment(large, 0xfe, Buffer.alloc(65_000, 0x20));
    }
    const [plainOne, picture] = [await folder.store(turned), await folder.store(large)];
    expect(picture).toMatchObject({
      notes: ["metadata-cut"],
      orientation: 6,
      pixelSha256: plainOne.pixelSha256,
    });
    expect(picture.bytes.length).toBeLessThan(hopper.length + 100);
    expect((await sharp(Buffer.from(picture.bytes)).metadata()).orientation).toBe(6);
  });

  it("case 14: a picture whose metadata alone differ has one pixel digest and two file digests", async () => {
    const comment = withSegment(photograph, 0xfe, Buffer.from("by nobody"));
    const [one, other] = [await folder.store(photograph), await folder.store(comment)];
    expect(other.pixelSha256).toBe(one.pixelSha256);
    expect(other.sourceSha256).not.toBe(one.sourceSha256);
    expect(other.sha256).toBe(other.sourceSha256);
  });

  it("case 16: a file that changes once it has been read changes nothing", async () => {
    const reference = referenceTo("changing.jpg");
    await writeFile(join(folder.path, reference.path), hopper);
    const source = await readPicture(reference, folder.path);
    await writeFile(join(folder.path, reference.path), photograph);
    const opened = await openSource(source, policy);
    const resampler = new Resampler();
    const picture = await storeOpened({ reference, source, opened }, { policy, resampler });
    expect([picture.sourceSha256, picture.sourceSizeBytes]).toEqual([
      sha256(hopper),
      hopper.length,
    ]);
    expect(picture.sha256).toBe(sha256(hopper));
    expect(picture.width).toBe(128);
  });
});
