import type { RgbPicture } from "../../../src/audit/perceptual/pdq.ts";

const CELLS = 8;

/**
 * A picture that `fixtures/write_pdq_hashes.py` draws as well, to the byte: colours of a coarse grid, between
 * which it is interpolated, and noise.
 */
export function madeUpPicture(index: number, width: number, height: number): RgbPicture {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const down = Math.floor((y * CELLS * 256) / height);
    for (let x = 0; x < width; x += 1) {
      const along = Math.floor((x * CELLS * 256) / width);
      for (let channel = 0; channel < 3; channel += 1) {
        const noise = mixed((y * width + x) * 4 + channel) >>> 28;
        const colour = gridColour({ index, channel, along, down }) + noise;
        data[(y * width + x) * 3 + channel] = Math.min(255, colour);
      }
    }
  }
  return { width, height, data };
}

interface GridPlace {
  readonly index: number;
  readonly channel: number;
  /** In 256ths of a cell. */
  readonly along: number;
  readonly down: number;
}

function gridColour({ index, channel, along, down }: GridPlace): number {
  const [column, row] = [along >> 8, down >> 8];
  const [right, below] = [along & 255, down & 255];
  const corner = (x: number, y: number): number =>
    mixed(index * 4096 + y * 256 + x * 16 + channel) >>> 24;
  const upper = corner(column, row) * (256 - right) + corner(column + 1, row) * right;
  const lower = corner(column, row + 1) * (256 - right) + corner(column + 1, row + 1) * right;
  return (upper * (256 - below) + lower * below) >> 16;
}

function mixed(value: number): number {
  const once = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  const twice = Math.imul(once ^ (once >>> 15), 0x735a2d97);
  return twice ^ (twice >>> 15);
}
