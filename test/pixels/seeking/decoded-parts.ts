import type { RandomStream } from "../../../src/core/random.ts";
import { JpegDecoder, readyForParts } from "../../../src/pixels/jpeg-decoder.ts";
import { type JpegPart, planJpegPart } from "../../../src/pixels/jpeg-part.ts";
import { cutJpeg } from "../../../src/pixels/seeking/jpeg-cut.ts";

const decoder = await JpegDecoder.load();
await readyForParts();

/** Pixels of an area, and whether they were decoded from a smaller JPEG. */
export interface DecodedArea {
  readonly pixels: Buffer;
  readonly isCut: boolean;
}

/** A part of a picture by chance, for a result of so many pixels on a side. */
export function drawnPart(jpeg: Uint8Array, draws: RandomStream, side = 1_000_000): JpegPart {
  using opened = open(jpeg);
  const { height, width } = opened.frame;
  const [wide, high] = [1 + draws.nextInt(width), 1 + draws.nextInt(height)];
  const left = draws.nextInt(width - wide + 1);
  const top = draws.nextInt(height - high + 1);
  const area = { left, top, right: left + wide, bottom: top + high };
  return planJpegPart(opened.frame, {
    area,
    target: { width: side, height: side },
    decoding: "scaled",
  });
}

/** The pixels that a part is decoded for: those that its area touches. */
export function decodedArea(jpeg: Uint8Array, part: JpegPart): DecodedArea {
  using opened = open(jpeg);
  const { area, region } = part;
  const pixels = Buffer.alloc(region.width * region.height * 3);
  opened.decode(part, pixels);
  const isCut = cutJpeg(jpeg, part, (numBytes) => new Uint8Array(numBytes)) !== undefined;
  return { pixels: linesOf(pixels, region.width, area), isCut };
}

/** The same out of the whole picture, decoded in the same part of its size. */
export function areaOfWhole(jpeg: Uint8Array, part: JpegPart): Buffer {
  using opened = open(jpeg);
  const { area, reduction, region } = part;
  const width = Math.ceil(opened.frame.width / reduction);
  const height = Math.ceil(opened.frame.height / reduction);
  const pixels = Buffer.alloc(width * height * 3);
  opened.decode({ ...part, isWhole: true }, pixels);
  const { x, y } = region;
  const moved = {
    left: area.left + x,
    top: area.top + y,
    right: area.right + x,
    bottom: area.bottom + y,
  };
  return linesOf(pixels, width, moved);
}

function open(jpeg: Uint8Array): NonNullable<ReturnType<JpegDecoder["open"]>> {
  const opened = decoder?.open(jpeg);
  if (opened === undefined) throw new Error("libjpeg-turbo does not decode it");
  return opened;
}

function linesOf(pixels: Buffer, width: number, area: JpegPart["area"]): Buffer {
  const [left, right] = [Math.floor(area.left), Math.ceil(area.right)];
  const lines: Buffer[] = [];
  for (let y = Math.floor(area.top); y < Math.ceil(area.bottom); y += 1) {
    lines.push(pixels.subarray((y * width + left) * 3, (y * width + right) * 3));
  }
  return Buffer.concat(lines);
}
