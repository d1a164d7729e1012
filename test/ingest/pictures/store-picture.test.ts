import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";
import { SourceError } from "../../../src/core/errors.ts";
import type { StoredPicture } from "../../../src/core/records.ts";
import { readJpegStructure } from "../../../src/ingest/decoding/jpeg-structure.ts";
import { PictureFault } from "../../../src/ingest/pictures/picture-fault.ts";
import { type PicturePolicy, storePicture } from "../../../src/ingest/pictures/store-picture.ts";
import { realData, realPhotographs } from "../../real-data.ts";

const policy: PicturePolicy = { shorterSide: 640, jpegQuality: 95, maxPixels: 50_000_000 };
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-picture-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function stored(path: string, sourceFolder = folder, rules = policy): Promise<StoredPicture> {
  const reference = {
    key: "coco:1",
    path,
    url: null,
    flickrPhotoId: null,
    license: null,
    linkedKeys: [],
  } as const;
  return storePicture(reference, { sourceFolder, policy: rules });
}

async function storedBytes(bytes: Uint8Array, rules = policy): Promise<StoredPicture> {
  await writeFile(join(folder, "picture.jpg"), bytes);
  return stored("picture.jpg", folder, rules);
}

/** What became of a picture: "kept", "encoded", or the code of its fault. */
async function outcomeOf(path: string, sourceFolder = folder): Promise<string> {
  try {
    const picture = await stored(path, sourceFolder);
    const isKept = picture.sha256 === picture.sourceSha256;
    return `${isKept ? "kept" : "encoded"} ${picture.width}x${picture.height}`;
  } catch (error) {
    if (error instanceof PictureFault) return error.code;
    throw error;
  }
}

async function faultOf(bytes: Uint8Array): Promise<PictureFault> {
  const error: unknown = await storedBytes(bytes).catch((reason: unknown) => reason);
  if (error instanceof PictureFault) return error;
  throw new Error("it was stored", { cause: error });
}

function faultText(name: string): Promise<string> {
  return stored(name, realData("images/odd")).then(String, String);
}

const odd: Readonly<Record<string, string>> = {
  "hopper.jpg": "kept 128x128",
  "hopper_gray.jpg": "kept 128x128",
  "pil_sample_cmyk.jpg": "encoded 100x100",
  "hopper_orientation_2.jpg": "kept 128x128",
  "hopper_orientation_3.jpg": "kept 128x128",
  "hopper_orientation_4.jpg": "kept 128x128",
  "hopper_orientation_5.jpg": "kept 128x128",
  "hopper_orientation_6.jpg": "kept 128x128",
  "hopper_orientation_7.jpg": "kept 128x128",
  "hopper_orientation_8.jpg": "kept 128x128",
  "truncated_jpeg.jpg": "IMG_TRUNCATED",
  "truncated_image.png": "IMG_TRUNCATED",
  "broken_data_stream.png": "IMG_TRUNCATED",
  "broken.png": "IMG_TRUNCATED",
  "hopper.gif": "encoded 128x128",
  "hopper.webp": "encoded 128x128",
  "hopper.tif": "IMG_FORMAT_NOT_ALLOWED",
  "hopper.bmp": "IMG_FORMAT_NOT_ALLOWED",
  "16bit.cropped.tif": "IMG_FORMAT_NOT_ALLOWED",
  "16_bit_noise.tif": "IMG_FORMAT_NOT_ALLOWED",
  "12bit.cropped.tif": "IMG_FORMAT_NOT_ALLOWED",
  "p_16.png": "encoded 128x128",
  "1_trns.png": "encoded 64x64",
  "l_trns.png": "encoded 64x64",
  "rgb_trns.png": "encoded 64x64",
  "transparent.png": "encoded 200x150",
  "transparent.webp": "encoded 200x150",
  "transparent.gif": "encoded 200x150",
  "pil123p.png": "encoded 162x150",
  "hopper.Lab.tif": "IMG_FORMAT_NOT_ALLOWED",
  "hopper.iccprofile.tif": "IMG_FORMAT_NOT_ALLOWED",
  "icc_profile.png": "encoded 57x57",
  "invalid-exif.jpg": "encoded 200x200",
  "hopper_bad_exif.jpg": "IMG_CORRUPT",
  "zero_width.gif": "IMG_TRUNCATED",
  "decompression_bomb.gif": "IMG_TRUNCATED",
  "dispose_bgnd.gif": "encoded 100x100",
  "multipage.tiff": "IMG_FORMAT_NOT_ALLOWED",
  "hopper_16bit_qtables.jpg": "kept 128x128",
  "balloon_eciRGBv2_aware.jp2": "IMG_FORMAT_NOT_ALLOWED",
  "16-bit-grey-alpha.png": "encoded 109x96",
  "grey-8bit-alpha.png": "encoded 400x300",
  "Flag_of_the_Netherlands-16bit.png": "encoded 900x600",
  "Channel_digital_image_CMYK_color_no_profile.jpg": "encoded 500x333",
  "corrupt-header.jpg": "IMG_TRUNCATED",
  "truncated.jpg": "IMG_TRUNCATED",
  "truncated.png": "IMG_TRUNCATED",
  "animated-loop-3.webp": "encoded 370x285",
  "animated-loop-3.gif": "encoded 370x285",
  "pitm.avif": "IMG_FORMAT_NOT_ALLOWED",
  "tbgn2c16.png": "encoded 32x32",
  "big-height.webp": "encoded 13x169",
  "2x2_fdcce6.png": "encoded 2x2",
  "Landscape_6.jpg": "encoded 450x600",
  "Portrait_8.jpg": "encoded 600x450",
  "gamma_dalai_lama_gray.jpg": "kept 258x222",
  "concert.jpg": "encoded 400x267",
};

describe("A picture file", () => {
  it("has its expected outcome in each of the 57 odd cases", async () => {
    const manifest = await readFile(realData("images/odd/MANIFEST.tsv"), "utf8");
    const names = manifest
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split("\t")[0] ?? "");
    const outcomes = await Promise.all(
      names.map(async (name) => [name, await outcomeOf(name, realData("images/odd"))] as const),
    );
    expect(Object.fromEntries(outcomes)).toEqual(odd);
  });

  it("has the same fault, to the word, alone and among others", async () => {
    const names = Object.keys(odd).filter((name) => odd[name]?.startsWith("IMG_"));
    const alone: string[] = [];
    for (const name of names) alone.push(await faultText(name));
    for (let round = 0; round < 10; round += 1) {
      expect(await Promise.all(names.map(faultText))).toEqual(alone);
    }
  });

  it("keeps its bytes when it is a COCO photograph", async () => {
    for (const path of (await realPhotographs()).slice(0, 6)) {
      const picture = await stored(path, realData("images/coco"));
      const file = await readFile(realData("images/coco", path));
      expect(Buffer.from(picture.bytes).equals(file)).toBe(true);
      expect(picture.sha256).toBe(sha256(file));
      expect(picture).toMatchObject({ format: "jpeg", path, sourceSizeBytes: file.length });
      expect([picture.sourceWidth, picture.sourceHeight]).toEqual([picture.width, picture.height]);
    }
  });

  it("is refused by its first bytes, whatever its name says", async () => {
    const cases: [string, string][] = [
      ["", "IMG_EMPTY"],
      ["<!DOCTYPE html><title>404</title>", "IMG_NOT_IMAGE"],
      ["photo no longer available", "IMG_NOT_IMAGE"],
      ['<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "IMG_FORMAT_NOT_ALLOWED"],
      ['<?xml version="1.0"?>\n<!-- x --><svg width="9"/>', "IMG_FORMAT_NOT_ALLOWED"],
      ["%PDF-1.7 …", "IMG_FORMAT_NOT_ALLOWED"],
      ["\0\0\0\x1cftypheic", "IMG_FORMAT_NOT_ALLOWED"],
    ];
    for (const [content, code] of cases) {
      expect((await faultOf(Buffer.from(content))).code).toBe(code);
    }
    const page = await faultOf(Buffer.from("<html>\u001B[2J"));
    expect(page.message).toBe(String.raw`the file begins "<html>\u001b[2J"`);
  });

  it("is refused before it is decoded when its header says too many pixels", async () => {
    const jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: "red" } })
      .jpeg()
      .toBuffer();
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    jpeg.writeUInt16BE(64_250, frame + 5);
    jpeg.writeUInt16BE(64_250, frame + 7);
    expect((await faultOf(jpeg)).code).toBe("IMG_TOO_MANY_PIXELS");
  });

  it("that is cut in half says at which byte", async () => {
    const file = await readFile(realData("images/coco/train2017/000000000790.jpg"));
    const fault = await faultOf(file.subarray(0, file.length / 2));
    expect(fault.code).toBe("IMG_TRUNCATED");
    expect(fault.message).toContain(`ends at byte ${Math.floor(file.length / 2)},`);
  });

  it("that cannot be read ends the run", async () => {
    await expect(stored("nowhere.jpg")).rejects.toThrow(SourceError);
  });
});

describe("A stored picture", () => {
  it("has one pixel digest and two file digests when only metadata differs", async () => {
    const file = await readFile(realData("images/coco/train2017/000000000790.jpg"));
    const comment = Buffer.from([0xff, 0xfe, 0, 6, 1, 2, 3, 4]);
    const commented = Buffer.concat([file.subarray(0, 2), comment, file.subarray(2)]);
    const [plain, other] = [await storedBytes(file), await storedBytes(commented)];
    expect(other.pixelSha256).toBe(plain.pixelSha256);
    expect(other.sha256).not.toBe(plain.sha256);
    expect(other.sha256).toBe(other.sourceSha256);
  });

  it("loses what stands after a JPEG's end, and says so by its digests", async () => {
    const file = await readFile(realData("images/odd/hopper.jpg"));
    const polyglot = await storedBytes(Buffer.concat([file, Buffer.from("PK\x03\x04 a zip")]));
    expect(polyglot.sha256).toBe(sha256(file));
    expect(polyglot.sourceSha256).not.toBe(polyglot.sha256);
    expect(polyglot.sourceSizeBytes).toBe(file.length + 10);
  });

  it("is encoded anew when metadata make its bytes larger than a batch", async () => {
    const file = await readFile(realData("images/odd/hopper.jpg"));
    const comment = Buffer.alloc(65_537, 0x20);
    comment.set([0xff, 0xfe, 0xff, 0xff]);
    const comments = Array.from({ length: 800 }, () => comment);
    const large = Buffer.concat([file.subarray(0, 2), ...comments, file.subarray(2)]);
    const picture = await storedBytes(large);
    expect(picture.bytes.length).toBeLessThan(100_000);
    expect(picture.pixelSha256).toBe((await storedBytes(file)).pixelSha256);
  });

  it("has its pixels digested upright, and its orientation recorded but not applied", async () => {
    for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const name = orientation === 1 ? "hopper.jpg" : `hopper_orientation_${orientation}.jpg`;
      const path = realData("images/odd", name);
      const upright = await sharp(path).autoOrient().removeAlpha().raw().toBuffer();
      const picture = await stored(name, realData("images/odd"));
      expect([picture.orientation, picture.pixelSha256]).toEqual([orientation, sha256(upright)]);
      expect(picture.sha256).toBe(picture.sourceSha256);
    }
  });

  it("is reduced to the shorter side, and its pixel digest stays that of the source", async () => {
    const file = await readFile(realData("images/coco/train2017/000000000790.jpg")); // 640 x 422
    const whole = await storedBytes(file);
    const small = await storedBytes(file, { ...policy, shorterSide: 211 });
    expect([small.width, small.height]).toEqual([320, 211]);
    expect([small.sourceWidth, small.sourceHeight]).toEqual([640, 422]);
    expect(small.pixelSha256).toBe(whole.pixelSha256);
    expect(small.sourceSha256).toBe(whole.sha256);
    expect(await sharp(small.bytes).metadata()).toMatchObject({ width: 320, height: 211 });
  });

  it("lays transparency over white and ignores a broken colour profile", async () => {
    const clear = { r: 0, g: 0, b: 0, alpha: 0 };
    const png = await sharp({ create: { width: 9, height: 9, channels: 4, background: clear } })
      .png()
      .toBuffer();
    const { bytes } = await storedBytes(png);
    expect((await sharp(bytes).raw().toBuffer()).every((value) => value >= 254)).toBe(true);
    const broken = Buffer.from("not a profile");
    const body = Buffer.concat([Buffer.from("ICC_PROFILE\0\x01\x01"), broken]);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(body.length + 2);
    const jpeg = await readFile(realData("images/odd/hopper.jpg"));
    const marked = [jpeg.subarray(0, 2), Buffer.from([0xff, 0xe2]), size, body, jpeg.subarray(2)];
    expect(await storedBytes(Buffer.concat(marked))).toMatchObject({ format: "jpeg", width: 128 });
  });

  it("may be a line as long as no JPEG is", async () => {
    const line = await sharp({
      create: { width: 70_000, height: 1, channels: 3, background: "red" },
    })
      .png()
      .toBuffer();
    expect(await storedBytes(line)).toMatchObject({ format: "png", width: 70_000, height: 1 });
  });
});

it("JPEG structure is read from the markers alone", async () => {
  const file = await readFile(realData("images/odd/hopper.jpg"));
  expect(readJpegStructure(file)).toMatchObject({
    width: 128,
    height: 128,
    bitsPerSample: 8,
    numComponents: 3,
    isCommonCoding: true,
    endOffset: file.length,
  });
  expect(readJpegStructure(file.subarray(0, 3000))?.endOffset).toBe(null);
  expect(readJpegStructure(Buffer.from("\xff\xd8\xff\xe0 not one", "latin1"))).toBe(undefined);
});
