import { crc32, deflateSync } from "node:zlib";
import sharp, { type Sharp } from "sharp";

/** A picture of one colour. */
export function plain(width: number, height: number, background = "#c04010"): Sharp {
  return sharp({ create: { width, height, channels: 3, background } });
}

const PNG_SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

function chunk(type: string, data: Uint8Array): Buffer {
  const typed = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, sum]);
}

/** A black interlaced PNG of one bit a pixel: a few KiB for any size. */
export function interlacedPng(side: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([1, 0, 0, 0, 1], 8);
  // Adam7: where each pass begins, and how far apart its pixels are.
  const passes = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
  ] as const;
  const numBytes = passes.reduce((sum, [x, y, stepX, stepY]) => {
    const [columns, rows] = [Math.ceil((side - x) / stepX), Math.ceil((side - y) / stepY)];
    return sum + rows * (1 + Math.ceil(columns / 8));
  }, 0);
  const data = deflateSync(Buffer.alloc(numBytes));
  const chunks = [chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([PNG_SIGNATURE, ...chunks]);
}

/** A PNG whose header says another size than its data have. */
export async function pngThatSays(width: number, height: number): Promise<Buffer> {
  const png = await plain(8, 8).png().toBuffer();
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}

/** A JPEG whose frame header says another size than its data have. */
export async function jpegThatSays(
  width: number,
  height: number,
  options: { progressive: boolean },
): Promise<Buffer> {
  const jpeg = await plain(8, 8).jpeg(options).toBuffer();
  const frame = jpeg.indexOf(Buffer.from([0xff, options.progressive ? 0xc2 : 0xc0]));
  jpeg.writeUInt16BE(height, frame + 5);
  jpeg.writeUInt16BE(width, frame + 7);
  return jpeg;
}

/** An animated GIF of 2 x 2 pixels. */
export function gifOf(numFrames: number): Buffer {
  const header = Buffer.from("GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\x80\x40", "latin1");
  const control = "\x21\xf9\x04\0\x0a\0\0\0";
  const picture = "\x2c\0\0\0\0\x02\0\x02\0\0\x02\x03\x44\x34\x05\0";
  const frame = Buffer.from(control + picture, "latin1");
  const frames = Array.from({ length: numFrames }, () => frame);
  return Buffer.concat([header, ...frames, Buffer.from(";")]);
}

/** An animated WebP of 8 x 8 pixels. */
export async function webpOf(numFrames: number): Promise<Buffer> {
  const still = await plain(8, 8).webp({ lossless: true }).toBuffer();
  const pixels = still.subarray(12); // the chunk after RIFF, size, WEBP
  const place = Buffer.alloc(16);
  place.set([7, 0, 0, 7, 0, 0, 10], 6); // width - 1, height - 1, 10 ms
  const frame = riffChunk("ANMF", Buffer.concat([place, pixels]));
  const canvas = Buffer.from([0x02, 0, 0, 0, 7, 0, 0, 7, 0, 0]);
  const frames = Array.from({ length: numFrames }, () => frame);
  const chunks = [riffChunk("VP8X", canvas), riffChunk("ANIM", Buffer.alloc(6)), ...frames];
  return riffChunk("RIFF", Buffer.concat([Buffer.from("WEBP"), ...chunks]));
}

function riffChunk(name: string, data: Uint8Array): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(data.length);
  return Buffer.concat([Buffer.from(name), size, data, Buffer.alloc(data.length % 2)]);
}

/** A PNG with the chunk that says it is animated. */
export async function apngOf(numFrames: number): Promise<Buffer> {
  const png = await plain(8, 8).png().toBuffer();
  const control = Buffer.alloc(8);
  control.writeUInt32BE(numFrames);
  const afterHeader = 8 + 25;
  return Buffer.concat([
    png.subarray(0, afterHeader),
    chunk("acTL", control),
    png.subarray(afterHeader),
  ]);
}

/** A JPEG with a further segment after its start: marker 0xe1 holds EXIF data, 0xe2 a colour profile, 0xfe a comment. */
export function withSegment(jpeg: Uint8Array, marker: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.set([0xff, marker]);
  head.writeUInt16BE(payload.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, payload, jpeg.subarray(2)]);
}

/** EXIF data with these entries of one SHORT each. */
export function exifWith(entries: readonly (readonly [tag: number, value: number])[]): Buffer {
  const head = Buffer.from("Exif\0\0II*\0\x08\0\0\0", "latin1");
  const count = Buffer.alloc(2);
  count.writeUInt16LE(entries.length);
  const directory = entries.map(([tag, value]) => {
    const entry = Buffer.alloc(12);
    entry.writeUInt16LE(tag, 0);
    entry.writeUInt16LE(3, 2);
    entry.writeUInt32LE(1, 4);
    entry.writeUInt16LE(value, 8);
    return entry;
  });
  return Buffer.concat([head, count, ...directory, Buffer.alloc(4)]);
}
