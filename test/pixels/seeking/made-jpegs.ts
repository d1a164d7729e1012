import type { RandomStream } from "../../../src/core/random.ts";
import type { RgbPixels } from "../../../src/pixels/resampler.ts";
import {
  INIT_COMPRESS,
  openHandle,
  PIXEL_RGB,
  QUALITY,
  SUBSAMPLING,
  turboLibrary,
} from "../../../src/pixels/turbo-library.ts";

/** How a picture is encoded. */
export interface Encoding {
  readonly subsampling: keyof typeof subsamplings;
  /** 1 to 100. */
  readonly quality: number;
  /** Whether the Huffman tables are made for the picture. */
  readonly isOptimized?: boolean;
  readonly isProgressive?: boolean;
  /** A restart marker after so many units. */
  readonly restartBlocks?: number;
}

// turbojpeg.h
const subsamplings = {
  "4:4:4": 0,
  "4:2:2": 1,
  "4:2:0": 2,
  grey: 3,
  "4:4:0": 4,
  "4:1:1": 5,
  "4:4:1": 6,
} as const;
const OPTIMIZE = 11;
const PROGRESSIVE = 12;
const RESTART_BLOCKS = 18;

const turbo = await turboLibrary();

/** A JPEG of these pixels. */
export function encoded(pixels: RgbPixels, encoding: Encoding): Uint8Array {
  if (turbo === undefined) throw new Error("libjpeg-turbo is missing");
  using held = new DisposableStack();
  const { handle, require } = openHandle(turbo, INIT_COMPRESS, held);
  const { isOptimized = false, isProgressive = false, quality, restartBlocks = 0 } = encoding;
  require(turbo.set(handle, SUBSAMPLING, subsamplings[encoding.subsampling]));
  require(turbo.set(handle, QUALITY, quality));
  require(turbo.set(handle, OPTIMIZE, isOptimized ? 1 : 0));
  require(turbo.set(handle, PROGRESSIVE, isProgressive ? 1 : 0));
  require(turbo.set(handle, RESTART_BLOCKS, restartBlocks));
  const { data, height, width } = pixels;
  const [memory, length]: [unknown[], number[]] = [[null], [0]];
  require(turbo.compress(handle, data, width, 0, height, PIXEL_RGB, memory, length));
  held.defer(() => turbo.free(memory[0]));
  return turbo.copy(memory[0], Number(length[0]));
}

/** Pixels with flat, smooth and noisy parts, by chance. */
export function madePixels(width: number, height: number, draws: RandomStream): RgbPixels {
  const data = new Uint8Array(width * height * 3);
  const noise = [0, 0, 8, 255][draws.nextInt(4)] ?? 0;
  const slope = draws.nextInt(5);
  const flat = draws.nextInt(width + 1);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        const smooth = slope * (x + (channel + 1) * y);
        const value = x < flat ? 130 + channel : smooth + draws.nextInt(noise + 1);
        data[(y * width + x) * 3 + channel] = value & 255;
      }
    }
  }
  return { width, height, data };
}
