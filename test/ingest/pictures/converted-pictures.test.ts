// Cases 8 and 9 of the list of hostile inputs: colours and orientations.
import { readFile } from "node:fs/promises";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { realData } from "../../real-data.ts";
import { exifWith, plain, withSegment } from "./made-pictures.ts";
import { outcomeOf, type PictureFolder, pictureFolder } from "./storing.ts";

let folder: PictureFolder;
let photograph: Buffer; // 640 x 422
let hopper: Buffer; // 128 x 128
beforeAll(async () => {
  folder = await pictureFolder();
  photograph = await readFile(realData("images/coco/train2017/000000000790.jpg"));
  hopper = await readFile(realData("images/odd/hopper.jpg"));
});
afterAll(() => folder[Symbol.asyncDispose]());

describe("A picture in another space of colours", () => {
  it("case 8: CMYK, grey, 16 bits, palettes and transparency are converted, and it is noted", async () => {
    const noise = sharp(photograph).resize(32, 32);
    const made: [Buffer, string][] = [
      [await noise.clone().toColourspace("cmyk").jpeg().toBuffer(), "cmyk-to-rgb icc-to-srgb"],
      [await noise.clone().toColourspace("b-w").png().toBuffer(), "grey-to-rgb"],
      [await noise.clone().toColourspace("rgb16").png().toBuffer(), "16-bit-to-8-bit"],
      [await noise.clone().png({ palette: true }).toBuffer(), "palette-to-rgb"],
      [await noise.clone().ensureAlpha(0.5).png().toBuffer(), "alpha-over-white"],
      [await noise.clone().withIccProfile("p3").jpeg().toBuffer(), "icc-to-srgb"],
    ];
    for (const [bytes, note] of made) {
      const picture = await folder.store(bytes);
      expect(note.split(" ")).toEqual(expect.arrayContaining([...picture.notes]));
      expect(picture.notes).toContain(note.split(" ")[0]);
      const { space, depth } = await sharp(Buffer.from(picture.bytes)).metadata();
      expect([space, depth]).toEqual(["srgb", "uchar"]);
    }
  });

  it("case 8: a wide gamut is converted by its profile, not relabelled", async () => {
    const green = await plain(16, 16, "#20c040")
      .withIccProfile("p3")
      .jpeg({ quality: 100 })
      .toBuffer();
    const { bytes } = await folder.store(green);
    const [red = 0, value = 0, blue = 0] = await sharp(Buffer.from(bytes)).raw().toBuffer();
    // It was #20c040 in sRGB before it was written in P3.
    expect(Math.abs(red - 0x20) + Math.abs(value - 0xc0) + Math.abs(blue - 0x40)).toBeLessThan(12);
    expect(await outcomeOf(folder.store(green))).toBe("encoded 16x16: icc-to-srgb");
  });

  it("case 8: a broken profile is dropped with a note and the pixels stay", async () => {
    const before = await folder.store(hopper);
    const profiles = ["", "not a profile", `${"\0".repeat(36)}acsp${"\0".repeat(200)}`];
    for (const profile of profiles) {
      const piece = Buffer.from(`ICC_PROFILE\0\x01\x01${profile}`, "latin1");
      const picture = await folder.store(withSegment(hopper, 0xe2, piece));
      expect(picture.notes).toEqual(["icc-broken"]);
      expect([picture.pixelSha256, picture.sha256]).toEqual([before.pixelSha256, before.sha256]);
    }
    const halfOfTwo = Buffer.from("ICC_PROFILE\0\x01\x02abc", "latin1");
    expect((await folder.store(withSegment(hopper, 0xe2, halfOfTwo))).notes).toEqual([
      "icc-broken",
    ]);
  });
});

describe("A picture that is turned", () => {
  const ORIENTATION = 0x0112;

  it("case 9: all eight orientations of one picture have the upright picture's pixel digest", async () => {
    const upright = await folder.store(await sharp(photograph).resize(31, 17).png().toBuffer());
    // How a program that undoes the orientation's turn would have stored it.
    const turns = ["1", "2", "3", "4", "5", "6", "7", "8"].map((text) => Number(text));
    for (const orientation of turns) {
      const held = await heldBy(
        orientation,
        await sharp(photograph).resize(31, 17).png().toBuffer(),
      );
      const picture = await folder.store(held);
      expect([picture.orientation, picture.pixelSha256]).toEqual([
        orientation,
        upright.pixelSha256,
      ]);
      expect((await sharp(Buffer.from(picture.bytes)).metadata()).orientation ?? 1).toBe(
        orientation,
      );
    }
  });

  it("case 9: broken and contradictory EXIF data are dropped with a note", async () => {
    const before = await folder.store(hopper);
    const broken: Buffer[] = [
      Buffer.from("Exif\0\0", "latin1"),
      Buffer.from("Exif\0\0\xff\xff\xff\xff\0\0\0\0", "latin1"),
      Buffer.from("Exif\0\0MM\0*\xff\xff\xff\xff", "latin1"),
      Buffer.from("Exif\0\0MM\0*\0\0\0\x08\xff\xff", "latin1"),
      exifWith([[ORIENTATION, 0]]),
      exifWith([[ORIENTATION, 9]]),
      exifWith([
        [ORIENTATION, 3],
        [ORIENTATION, 6],
      ]),
    ];
    for (const exif of broken) {
      const picture = await folder.store(withSegment(hopper, 0xe1, exif));
      expect(picture).toMatchObject({
        orientation: 1,
        notes: ["exif-broken"],
        pixelSha256: before.pixelSha256,
        sha256: before.sha256,
      });
    }
    const twice = withSegment(hopper, 0xe1, exifWith([[ORIENTATION, 3]]));
    const thrice = withSegment(twice, 0xe1, exifWith([[ORIENTATION, 6]]));
    expect(await folder.store(twice)).toMatchObject({ orientation: 3, notes: [] });
    expect(await folder.store(thrice)).toMatchObject({ orientation: 1, notes: ["exif-broken"] });
  });

  it("case 9: EXIF data that say nothing of the orientation are no fault", async () => {
    const dated = withSegment(hopper, 0xe1, exifWith([[0x0132, 7]]));
    expect(await outcomeOf(folder.store(dated))).toBe("kept 128x128");
  });
});

/** The picture as a camera held in this way stores it: reading it by its orientation shows it upright. */
async function heldBy(orientation: number, upright: Buffer): Promise<Buffer> {
  const undo: Readonly<Record<number, (image: Sharp) => Sharp>> = {
    1: (image) => image,
    2: (image) => image.flop(),
    3: (image) => image.rotate(180),
    4: (image) => image.flip(),
    5: (image) => image.rotate(270).flop(),
    6: (image) => image.rotate(270),
    7: (image) => image.rotate(90).flop(),
    8: (image) => image.rotate(90),
  };
  // Turning comes before mirroring in sharp, whatever the order of the calls.
  const turned = await (undo[orientation]?.(sharp(upright)) ?? sharp(upright)).png().toBuffer();
  return sharp(turned).withMetadata({ orientation }).png().toBuffer();
}
