import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
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
} from "../../ingest/pictures/made-pictures.ts";
import type { PrepareCase } from "./hostile-source.ts";

const ORIENTATION = 0x0112;
const TOO_MANY = "IMG_TOO_MANY_PIXELS";
const NOT_ALLOWED = "IMG_FORMAT_NOT_ALLOWED";

/** A picture with something to see in it, another one for another seed. */
export async function noise(seed = 40): Promise<Buffer> {
  const size = { width: 96, height: 64, channels: 3 } as const;
  const pixels = Buffer.from(
    Array.from({ length: 96 * 64 * 3 }, (_, index) => (index * index * seed) >> 7),
  );
  return sharp(pixels, { raw: size }).jpeg({ quality: 95 }).toBuffer();
}

function svg(body: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${body}</svg>`;
}

const entities = `<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "${"&a;".repeat(99)}">]>`;

async function withComments(): Promise<Buffer> {
  let large = await noise();
  for (let count = 0; count < 8; count += 1) {
    large = withSegment(large, 0xfe, Buffer.alloc(65_000, 0x20));
  }
  return large;
}

const refused: readonly PrepareCase[] = [
  {
    number: 1,
    name: "headers of 64,250 x 64,250",
    exitCode: 0,
    pictures: [
      { name: "PNG", fault: TOO_MANY, make: () => pngThatSays(64_250, 64_250) },
      {
        name: "JPEG",
        fault: TOO_MANY,
        make: () => jpegThatSays(64_250, 64_250, { progressive: false }),
      },
    ],
  },
  {
    number: 1,
    name: "a header of 64,250 x 64,250 where no fault is allowed",
    exitCode: 23,
    args: ["--max-bad", "0"],
    pictures: [{ name: "PNG", fault: TOO_MANY, make: () => pngThatSays(64_250, 64_250) }],
    words: ["2 of 6 records are faulty, 0 are allowed"],
  },
  {
    number: 2,
    name: "a progressive JPEG of 16,000 x 16,000",
    exitCode: 0,
    pictures: [
      {
        name: "JPEG",
        fault: TOO_MANY,
        make: () => jpegThatSays(16_000, 16_000, { progressive: true }),
      },
    ],
  },
  {
    number: 3,
    name: "an interlaced PNG of 16,000 x 16,000",
    exitCode: 0,
    pictures: [{ name: "PNG", fault: TOO_MANY, make: () => interlacedPng(16_000) }],
  },
  {
    number: 4,
    name: "other files named .jpg",
    exitCode: 0,
    pictures: [
      { name: "SVG", fault: NOT_ALLOWED, make: () => svg("<rect/>") },
      { name: "PDF", fault: NOT_ALLOWED, make: () => "%PDF-1.7\n%…" },
      { name: "HEIC", fault: NOT_ALLOWED, make: () => "\0\0\0\u001Cftypheic\0\0\0\0" },
      { name: "TIFF", fault: NOT_ALLOWED, make: () => plain(9, 9).tiff().toBuffer() },
      { name: "HTML", fault: "IMG_NOT_IMAGE", make: () => "<!doctype html><p>moved" },
    ],
  },
  {
    number: 5,
    name: "SVGs that ask for files and addresses, or expand",
    exitCode: 0,
    pictures: [
      {
        name: "references",
        fault: NOT_ALLOWED,
        make: () =>
          svg(`<image href="file:///etc/passwd"/><image href="http://127.0.0.1:9/x.png"/>`),
      },
      {
        name: "entities",
        fault: NOT_ALLOWED,
        make: () => `<?xml version="1.0"?>${entities}${svg("&b;")}`,
      },
    ],
  },
  {
    number: 6,
    name: "half of a JPEG",
    exitCode: 0,
    pictures: [
      {
        name: "half",
        fault: "IMG_TRUNCATED",
        make: async () => {
          const whole = await noise();
          return whole.subarray(0, whole.length / 2);
        },
      },
    ],
    words: ["it ends at byte"],
  },
  {
    number: 7,
    name: "a file without bytes and a page that says 404",
    exitCode: 0,
    pictures: [
      { name: "empty", fault: "IMG_EMPTY", make: () => "" },
      { name: "page", fault: "IMG_NOT_IMAGE", make: () => "404\u001B[2J Not Found" },
    ],
    // What a terminal would obey is spelled out in the evidence, and spelled out again by JSON.
    words: [String.raw`404\\u001b[2J Not Found`],
  },
  {
    number: 15,
    name: "a picture over which every decoder dies",
    exitCode: 0,
    pictures: [{ name: "deadly", fault: "IMG_DECODER_DIED", make: () => noise() }],
    environment: {
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, "dying-decoder.mjs")).href}`,
    },
    words: ["2 decoders died over it, the last one ended by SIGSEGV"],
  },
];

const converted: readonly PrepareCase[] = [
  {
    number: 8,
    name: "CMYK, 16 bits, grey, a palette with transparency, a broken profile",
    exitCode: 0,
    pictures: [
      {
        name: "CMYK",
        stored: { notes: ["cmyk-to-rgb"] },
        make: async () =>
          sharp(await noise())
            .toColourspace("cmyk")
            .jpeg()
            .toBuffer(),
      },
      {
        name: "16 bits",
        stored: { notes: ["16-bit-to-8-bit"] },
        make: async () =>
          sharp(await noise())
            .toColourspace("rgb16")
            .png()
            .toBuffer(),
      },
      {
        name: "grey",
        stored: { notes: ["grey-to-rgb"] },
        make: async () =>
          sharp(await noise())
            .toColourspace("b-w")
            .png()
            .toBuffer(),
      },
      {
        name: "palette",
        stored: { notes: ["palette-to-rgb", "alpha-over-white"] },
        make: async () =>
          sharp(await noise())
            .ensureAlpha(0.5)
            .png({ palette: true })
            .toBuffer(),
      },
      {
        name: "profile",
        stored: { notes: ["icc-broken"] },
        make: async () => withSegment(await noise(), 0xe2, Buffer.from("ICC_PROFILE\0\x01\x01no")),
      },
    ],
  },
  {
    number: 9,
    name: "orientations, and some that contradict themselves",
    exitCode: 0,
    pictures: [
      {
        name: "turned",
        stored: { orientation: 6, notes: [] },
        make: async () => withSegment(await noise(), 0xe1, exifWith([[ORIENTATION, 6]])),
      },
      {
        name: "twice",
        stored: { orientation: 1, notes: ["exif-broken"] },
        make: async () => {
          const both = exifWith([
            [ORIENTATION, 3],
            [ORIENTATION, 6],
          ]);
          return withSegment(await noise(), 0xe1, both);
        },
      },
    ],
  },
  {
    number: 10,
    name: "10,000 frames",
    exitCode: 0,
    pictures: [
      {
        name: "GIF",
        stored: { notes: ["palette-to-rgb", "first-of-10000-frames"] },
        make: () => gifOf(10_000),
      },
      { name: "WebP", stored: { notes: ["first-of-10000-frames"] }, make: () => webpOf(10_000) },
      { name: "APNG", stored: { notes: ["first-of-10000-frames"] }, make: () => apngOf(10_000) },
    ],
  },
  {
    number: 11,
    name: "1 x 100,000, 1 x 1 and 4 x 4 pixels",
    exitCode: 0,
    pictures: [
      {
        name: "line",
        stored: { width: 1, height: 100_000, format: "png" },
        make: () => plain(1, 100_000).png().toBuffer(),
      },
      { name: "1", stored: { width: 1, height: 1 }, make: () => plain(1, 1).png().toBuffer() },
      { name: "4", stored: { width: 4, height: 4 }, make: () => plain(4, 4).png().toBuffer() },
    ],
  },
  {
    number: 12,
    name: "pictures of one colour",
    exitCode: 0,
    pictures: ["#ffffff", "#000000"].map((colour) => ({
      name: colour,
      stored: { width: 64, height: 64 },
      make: () => plain(64, 64, colour).png().toBuffer(),
    })),
  },
  {
    number: 13,
    name: "a JPEG with a ZIP behind it, and one with more comments than picture",
    exitCode: 0,
    pictures: [
      {
        name: "ZIP",
        stored: { notes: ["trailing-bytes-cut"] },
        make: async () => Buffer.concat([await noise(), Buffer.from("PK\u0003\u0004 a zip")]),
      },
      { name: "comments", stored: { notes: ["metadata-cut"] }, make: withComments },
    ],
  },
];

/** Cases 1 to 13 and 15: pictures among sound ones. */
export const pictureCases: readonly PrepareCase[] = [...refused, ...converted];
