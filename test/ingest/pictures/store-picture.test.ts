import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";
import { SourceError } from "../../../src/core/errors.ts";
import { readJpegStructure } from "../../../src/ingest/decoding/jpeg-structure.ts";
import { realData, realPhotographs } from "../../real-data.ts";
import { plain } from "./made-pictures.ts";
import { faultOf, type PictureFolder, pictureFolder, policy, storeFile } from "./storing.ts";

let folder: PictureFolder;
let photograph: Buffer; // 640 x 422
beforeAll(async () => {
  folder = await pictureFolder();
  photograph = await readFile(realData("images/coco/train2017/000000000790.jpg"));
});
afterAll(() => folder[Symbol.asyncDispose]());

/** The photographs with another profile than sRGB's: Adobe RGB, and two cameras' own. */
const profiled: ReadonlySet<string> = new Set([
  "train2017/000000159269.jpg",
  "train2017/000000408805.jpg",
  "train2017/000000525891.jpg",
  "val2017/000000062554.jpg",
  "val2017/000000229997.jpg",
  "val2017/000000255165.jpg",
  "val2017/000000475678.jpg",
]);

describe("A picture file", () => {
  it("keeps its bytes when it is a COCO photograph in sRGB", async () => {
    const paths = (await realPhotographs()).filter((path) => !profiled.has(path));
    expect(paths).toHaveLength(44);
    for (const path of paths) {
      const picture = await storeFile(path, realData("images/coco"));
      const file = await readFile(realData("images/coco", path));
      expect(Buffer.from(picture.bytes).equals(file)).toBe(true);
      expect(picture.sha256).toBe(sha256(file));
      expect(picture).toMatchObject({ format: "jpeg", path, sourceSizeBytes: file.length });
      expect([picture.sourceWidth, picture.sourceHeight]).toEqual([picture.width, picture.height]);
      expect(picture.notes).toEqual([]);
    }
  });

  it("is converted when it is a COCO photograph with another profile", async () => {
    for (const path of profiled) {
      const {
        notes,
        sha256: digest,
        sourceSha256,
      } = await storeFile(path, realData("images/coco"));
      expect(notes).toEqual(["icc-to-srgb"]);
      expect(digest).not.toBe(sourceSha256);
    }
  });

  it("that cannot be read ends the run", async () => {
    await expect(storeFile("nowhere.jpg", folder.path)).rejects.toThrow(SourceError);
  });

  it("has more scans than any honest picture and is refused", async () => {
    const jpeg = await plain(16, 16).jpeg({ progressive: true }).toBuffer();
    const structure = readJpegStructure(jpeg);
    const end = structure?.endOffset ?? 0;
    const lastScan = jpeg.lastIndexOf(Buffer.from([0xff, 0xda]));
    const scan = jpeg.subarray(lastScan, end - 2);
    const scans = Array.from({ length: 200 }, () => scan);
    const bytes = Buffer.concat([jpeg.subarray(0, end - 2), ...scans, jpeg.subarray(end - 2)]);
    expect((await faultOf(folder.store(bytes))).message).toMatch(
      /^it has 2\d\d scans; up to 100 are taken$/,
    );
    const rules = { ...policy, maxPixels: 256 };
    expect((await faultOf(folder.store(bytes, rules))).message).toMatch(/up to 30 are taken$/);
  });
});

describe("The digest of pixels", () => {
  it("is that of an ordinary decoder's upright RGB pixels, for every JPEG that is kept", async () => {
    const odd = ["hopper.jpg", "hopper_gray.jpg", "gamma_dalai_lama_gray.jpg"];
    const turned = [2, 3, 4, 5, 6, 7, 8].map((turn) => `hopper_orientation_${turn}.jpg`);
    const files = [
      ...(await realPhotographs()).map((path) => ["images/coco", path] as const),
      ...[...odd, ...turned].map((path) => ["images/odd", path] as const),
    ].filter(([, path]) => !profiled.has(path));
    for (const [below, path] of files) {
      const picture = await storeFile(path, realData(below));
      const pixels = await sharp(realData(below, path), { ignoreIcc: true })
        .autoOrient()
        .toColourspace("srgb")
        .raw()
        .toBuffer();
      expect([path, picture.pixelSha256]).toEqual([path, sha256(pixels)]);
    }
  });

  it("is of the colours that sharp shows, for a JPEG with another profile than sRGB's", async () => {
    const turned = ["Landscape_6.jpg", "Portrait_8.jpg"].map(
      (path) => ["images/odd", path] as const,
    );
    const files = [...turned, ...[...profiled].map((path) => ["images/coco", path] as const)];
    for (const [below, path] of files) {
      const picture = await storeFile(path, realData(below));
      const image = sharp(realData(below, path)).autoOrient().toColourspace("srgb");
      expect([path, picture.pixelSha256]).toEqual([path, sha256(await image.raw().toBuffer())]);
    }
  });

  it("is the same for a JPEG and for a PNG of its pixels", async () => {
    const png = await sharp(photograph).png().toBuffer();
    const [one, other] = [await folder.store(photograph), await folder.store(png)];
    expect(other.pixelSha256).toBe(one.pixelSha256);
  });

  it("is the source's, whatever the picture is reduced to", async () => {
    const whole = await folder.store(photograph);
    const small = await folder.store(photograph, { ...policy, shorterSide: 211 });
    expect(small.pixelSha256).toBe(whole.pixelSha256);
    expect(small.sourceSha256).toBe(whole.sha256);
  });
});

describe("A stored picture", () => {
  it("is reduced to the shorter side", async () => {
    const small = await folder.store(photograph, { ...policy, shorterSide: 211 });
    expect([small.width, small.height]).toEqual([320, 211]);
    expect([small.sourceWidth, small.sourceHeight]).toEqual([640, 422]);
    expect(await sharp(Buffer.from(small.bytes)).metadata()).toMatchObject({
      width: 320,
      height: 211,
    });
  });

  it("is turned as its source when it is reduced, and says so itself", async () => {
    const turned = await sharp(photograph).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const { orientation, width, height, bytes } = await folder.store(turned, {
      ...policy,
      shorterSide: 211,
    });
    expect([orientation, width, height]).toEqual([6, 320, 211]);
    const upright = await sharp(Buffer.from(bytes))
      .autoOrient()
      .toBuffer({ resolveWithObject: true });
    expect([upright.info.width, upright.info.height]).toEqual([211, 320]);
  });

  it("keeps a box on its object, in the file's frame and in the upright one", async () => {
    // A red square at (40, 10) in a file that is shown turned by 90 degrees.
    const red = await plain(20, 20, "#ff0000").png().toBuffer();
    const file = await plain(100, 60, "#000080")
      .composite([{ input: red, left: 40, top: 10 }])
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
      .toBuffer();
    for (const shorterSide of [60, 30]) {
      const scale = shorterSide / 60;
      const { bytes } = await folder.store(file, { ...policy, shorterSide });
      const redAt = async (image: Sharp, x: number, y: number): Promise<boolean> => {
        const place = {
          left: Math.floor(x * scale),
          top: Math.floor(y * scale),
          width: 1,
          height: 1,
        };
        const [value = 0] = await sharp(await image.png().toBuffer())
          .extract(place)
          .raw()
          .toBuffer();
        return value > 128;
      };
      const raw = (): Sharp => sharp(Buffer.from(bytes));
      expect(await redAt(raw(), 50, 20)).toBe(true);
      expect(await redAt(raw(), 20, 50)).toBe(false);
      // Turned upright: (x, y) of the file is seen at (height - y, x).
      const upright = (): Sharp => raw().autoOrient();
      expect(await redAt(upright(), 60 - 20, 50)).toBe(true);
      expect(await redAt(upright(), 50, 20)).toBe(false);
    }
  });

  it.runIf(process.platform === "linux")(
    "has the same bytes, digests, notes and faults where libjpeg-turbo is missing",
    async () => {
      const script = join(import.meta.dirname, "fixtures/store-reduced.ts");
      for (const folderName of ["images/odd", "images/coco/val2017"]) {
        const [[first, ...withTurbo], [second, ...without]] = await Promise.all(
          ["with-turbo", "without-turbo"].map(async (mode) => {
            const operands = [script, realData(folderName), mode];
            const { stdout } = await promisify(execFile)(process.execPath, operands);
            return stdout.split("\n");
          }),
        ).then(([one = [], other = []]) => [one, other] as const);
        expect([first, second]).toEqual(["libjpeg-turbo", "sharp"]);
        expect(without).toEqual(withTurbo);
        expect(without.length).toBeGreaterThan(20);
      }
    },
  );
});
