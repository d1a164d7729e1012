import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { expect, it } from "vitest";
import { decodedSize } from "../../../src/ingest/pictures/decoded-size.ts";
import { realData } from "../../real-data.ts";
import { outcomeOf, storeFile } from "./storing.ts";

/** What becomes of each of the odd pictures: the outcomes were compared with the pictures by eye. */
const outcomes: Readonly<Record<string, string>> = {
  "hopper.jpg": "kept 128x128",
  "hopper_gray.jpg": "kept 128x128",
  "pil_sample_cmyk.jpg": "encoded 100x100: cmyk-to-rgb",
  "hopper_orientation_2.jpg": "kept 128x128, orientation 2",
  "hopper_orientation_3.jpg": "kept 128x128, orientation 3",
  "hopper_orientation_4.jpg": "kept 128x128, orientation 4",
  "hopper_orientation_5.jpg": "kept 128x128, orientation 5",
  "hopper_orientation_6.jpg": "kept 128x128, orientation 6",
  "hopper_orientation_7.jpg": "kept 128x128, orientation 7",
  "hopper_orientation_8.jpg": "kept 128x128, orientation 8",
  "truncated_jpeg.jpg": "IMG_TRUNCATED",
  "truncated_image.png": "IMG_TRUNCATED",
  "broken_data_stream.png": "IMG_TRUNCATED",
  "broken.png": "IMG_TRUNCATED",
  "hopper.gif": "encoded 128x128: palette-to-rgb",
  "hopper.webp": "encoded 128x128",
  "hopper.tif": "IMG_FORMAT_NOT_ALLOWED",
  "hopper.bmp": "IMG_FORMAT_NOT_ALLOWED",
  "16bit.cropped.tif": "IMG_FORMAT_NOT_ALLOWED",
  "16_bit_noise.tif": "IMG_FORMAT_NOT_ALLOWED",
  "12bit.cropped.tif": "IMG_FORMAT_NOT_ALLOWED",
  "p_16.png": "encoded 128x128: alpha-over-white", // four channels in spite of its name
  "1_trns.png": "encoded 64x64: grey-to-rgb alpha-over-white",
  "l_trns.png": "encoded 64x64: grey-to-rgb alpha-over-white",
  "rgb_trns.png": "encoded 64x64: alpha-over-white",
  "transparent.png": "encoded 200x150: alpha-over-white",
  "transparent.webp": "encoded 200x150: alpha-over-white",
  "transparent.gif": "encoded 200x150: palette-to-rgb alpha-over-white",
  "pil123p.png": "encoded 162x150: palette-to-rgb alpha-over-white",
  "hopper.Lab.tif": "IMG_FORMAT_NOT_ALLOWED",
  "hopper.iccprofile.tif": "IMG_FORMAT_NOT_ALLOWED",
  "icc_profile.png": "encoded 57x57: alpha-over-white", // the profile is sRGB's
  "invalid-exif.jpg": "encoded 200x200: exif-broken", // the same picture without its EXIF data
  "hopper_bad_exif.jpg": "IMG_CORRUPT", // 1,214 bytes of its pixels are extraneous
  "zero_width.gif": "IMG_TRUNCATED",
  "decompression_bomb.gif": "IMG_TRUNCATED",
  "dispose_bgnd.gif": "encoded 100x100: palette-to-rgb first-of-5-frames",
  "multipage.tiff": "IMG_FORMAT_NOT_ALLOWED",
  "hopper_16bit_qtables.jpg": "kept 128x128",
  "balloon_eciRGBv2_aware.jp2": "IMG_FORMAT_NOT_ALLOWED",
  "16-bit-grey-alpha.png":
    "encoded 109x96: grey-to-rgb 16-bit-to-8-bit alpha-over-white icc-to-srgb",
  "grey-8bit-alpha.png": "encoded 400x300: grey-to-rgb alpha-over-white",
  "Flag_of_the_Netherlands-16bit.png": "encoded 900x600: 16-bit-to-8-bit",
  "Channel_digital_image_CMYK_color_no_profile.jpg": "encoded 500x333: cmyk-to-rgb",
  "corrupt-header.jpg": "IMG_TRUNCATED",
  "truncated.jpg": "IMG_TRUNCATED",
  "truncated.png": "IMG_TRUNCATED",
  "animated-loop-3.webp": "encoded 370x285: alpha-over-white first-of-10-frames",
  "animated-loop-3.gif": "encoded 370x285: palette-to-rgb alpha-over-white first-of-10-frames",
  "pitm.avif": "IMG_FORMAT_NOT_ALLOWED",
  "tbgn2c16.png": "encoded 32x32: 16-bit-to-8-bit alpha-over-white",
  "big-height.webp": "encoded 13x169: first-of-97-frames",
  "2x2_fdcce6.png": "encoded 2x2",
  "Landscape_6.jpg": "encoded 450x600, orientation 6: icc-to-srgb",
  "Portrait_8.jpg": "encoded 600x450, orientation 8: icc-to-srgb",
  "gamma_dalai_lama_gray.jpg": "kept 258x222",
  "concert.jpg": "encoded 400x267: grey-to-rgb icc-to-srgb",
};

const folder = realData("images/odd");
const stored = Object.keys(outcomes).filter((name) => !outcomes[name]?.startsWith("IMG_"));

it("knows all of the 57 odd pictures", async () => {
  const manifest = await readFile(realData("images/odd/MANIFEST.tsv"), "utf8");
  const names = manifest.trim().split("\n").slice(1);
  expect(names.map((line) => line.split("\t")[0])).toEqual(
    expect.arrayContaining(Object.keys(outcomes)),
  );
  expect(names).toHaveLength(57);
});

it.each(Object.entries(outcomes))("%s becomes: %s", async (name, outcome) => {
  expect(await outcomeOf(storeFile(name, folder))).toBe(outcome);
});

function faultText(name: string): Promise<string> {
  return storeFile(name, folder).then(String, String);
}

it("has the same fault, to the word, alone and among others", async () => {
  const faulty = Object.keys(outcomes).filter((name) => outcomes[name]?.startsWith("IMG_"));
  const alone: string[] = [];
  for (const name of faulty) alone.push(await faultText(name));
  for (let round = 0; round < 5; round += 1) {
    expect(await Promise.all(faulty.map(faultText))).toEqual(alone);
  }
});

it.each(stored)(
  "%s is stored so that others read it: whole, RGB or grey, as large",
  async (name) => {
    const { bytes, width, height, orientation } = await storeFile(name, folder);
    const metadata = await sharp(bytes, { failOn: "warning" }).metadata();
    expect(metadata).toMatchObject({ format: "jpeg", width, height, depth: "uchar" });
    expect(metadata.orientation ?? 1).toBe(orientation);
    expect(["srgb", "b-w"]).toContain(metadata.space);
    expect(await decodedSize(bytes)).toEqual({ width, height });
  },
);

it("a CMYK picture without a profile keeps its colours roughly", async () => {
  const { bytes } = await storeFile("pil_sample_cmyk.jpg", folder);
  const { data } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const [red = 0, green = 0, blue = 0] = data; // its left upper corner is red
  expect(red).toBeGreaterThan(180);
  expect(Math.max(green, blue)).toBeLessThan(90);
});

it("a picture laid over white shows white where it was transparent", async () => {
  const { bytes } = await storeFile("transparent.png", folder);
  const corner = await sharp(bytes)
    .extract({ left: 0, top: 0, width: 8, height: 8 })
    .raw()
    .toBuffer();
  expect(Math.min(...corner)).toBeGreaterThan(250);
});
