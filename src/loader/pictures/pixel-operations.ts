/** Pixels of a picture, [height, width, 3], RGB. */
export interface Pixels {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

// All operations give Pillow's numbers, byte for byte; they leave their input as it is.

/**
 * From `from` (factor 0) to `to` (factor 1) and beyond, as Pillow's Image.blend: 32-bit floats, cut to integers.
 * ImageEnhance's brightness, colour, contrast and sharpness blend a poorer picture with the picture.
 */
function blended(from: (place: number) => number, to: Uint8Array, factor: number): Uint8Array {
  if (factor === 1) return to;
  const weight = Math.fround(factor);
  const blend = new Uint8Array(to.length);
  for (let place = 0; place < to.length; place += 1) {
    const value = to[place] ?? 0;
    const poor = from(place);
    const mixed = Math.fround(poor + Math.fround(weight * (value - poor)));
    blend[place] = Math.max(0, Math.min(255, Math.trunc(mixed)));
  }
  return blend;
}

export function brightness({ pixels }: Pixels, factor: number): Uint8Array {
  return blended(() => 0, pixels, factor);
}

export function colour({ pixels }: Pixels, factor: number): Uint8Array {
  const grey = greyOf(pixels);
  return blended((place) => grey[Math.floor(place / 3)] ?? 0, pixels, factor);
}

export function contrast({ pixels }: Pixels, factor: number): Uint8Array {
  const grey = greyOf(pixels);
  const mean = Math.trunc(grey.reduce((sum, value) => sum + value, 0) / grey.length + 0.5);
  return blended(() => mean, pixels, factor);
}

export function sharpness(picture: Pixels, factor: number): Uint8Array {
  const smooth = smoothed(picture);
  return blended((place) => smooth[place] ?? 0, picture.pixels, factor);
}

export function posterized({ pixels }: Pixels, bits: number): Uint8Array {
  const mask = 0xff & ~(2 ** (8 - bits) - 1);
  return pixels.map((value) => value & mask);
}

export function solarized({ pixels }: Pixels, threshold: number): Uint8Array {
  return pixels.map((value) => (value < threshold ? value : 255 - value));
}

/** Stretches each channel to the whole range. */
export function autoContrast({ pixels }: Pixels): Uint8Array {
  return throughTables(pixels, (counts) => {
    const [low, high] = [counts.findIndex(isPositive), counts.findLastIndex(isPositive)];
    if (high <= low) return undefined;
    const scale = 255 / (high - low);
    return (value) => Math.max(0, Math.min(255, Math.trunc(value * scale - low * scale)));
  });
}

/** Makes the values of each channel about equally frequent. */
export function equalized({ pixels }: Pixels): Uint8Array {
  return throughTables(pixels, (counts) => {
    const last = counts.findLast(isPositive) ?? 0;
    const step = Math.floor((pixels.length / 3 - last) / 255);
    if (step === 0 || counts.filter(isPositive).length <= 1) return undefined;
    let sum = Math.floor(step / 2);
    const table = counts.map((count) => {
      const value = Math.floor(sum / step);
      sum += count;
      return value;
    });
    return (value) => table[value] ?? 0;
  });
}

/** The rows of a matrix that gives, for a point of the new picture, the point of the old one. */
export type AffineMatrix = readonly [number, number, number, number, number, number];

const FIXED = 2 ** 16;

/** The picture through an affine map, nearest neighbour, black outside; as Pillow's, in 16.16 fixed point. */
export function transformed(picture: Pixels, matrix: AffineMatrix): Uint8Array {
  const { height, pixels, width } = picture;
  const [a, b, c, d, e, f] = matrix;
  const result = new Uint8Array(pixels.length);
  const [stepX, stepY] = [fixed(a), fixed(d)];
  for (let y = 0; y < height; y += 1) {
    let x0 = fixed(c + a * 0.5 + b * 0.5) + y * fixed(b);
    let y0 = fixed(f + d * 0.5 + e * 0.5) + y * fixed(e);
    for (let x = 0; x < width; x += 1) {
      const [column, row] = [Math.floor(x0 / FIXED), Math.floor(y0 / FIXED)];
      if (column >= 0 && column < width && row >= 0 && row < height) {
        const from = (row * width + column) * 3;
        const to = (y * width + x) * 3;
        result[to] = pixels[from] ?? 0;
        result[to + 1] = pixels[from + 1] ?? 0;
        result[to + 2] = pixels[from + 2] ?? 0;
      }
      x0 += stepX;
      y0 += stepY;
    }
  }
  return result;
}

function fixed(value: number): number {
  return Math.floor(value * FIXED + 0.5);
}

function isPositive(count: number): boolean {
  return count > 0;
}

/** ITU-R 601's luma as Pillow rounds it. */
function greyOf(pixels: Uint8Array): Uint8Array {
  const grey = new Uint8Array(pixels.length / 3);
  for (let place = 0; place < grey.length; place += 1) {
    const [red, green, blue] = [pixels[place * 3], pixels[place * 3 + 1], pixels[place * 3 + 2]];
    grey[place] = ((red ?? 0) * 19_595 + (green ?? 0) * 38_470 + (blue ?? 0) * 7471 + 0x8000) >> 16;
  }
  return grey;
}

// Pillow's SMOOTH: 1/13 of the eight neighbours and 5/13 of the pixel. Sums of whole numbers are never halfway.
const CENTRE_WEIGHT = 5;
const KERNEL_SUM = 13;

/** The border stays as it is. */
function smoothed({ height, pixels, width }: Pixels): Uint8Array {
  // Not slice(): that of a Buffer shares its memory.
  const smooth = new Uint8Array(pixels);
  const line = width * 3;
  for (let y = 1; y < height - 1; y += 1) {
    for (let place = y * line + 3; place < (y + 1) * line - 3; place += 1) {
      const middle = pixels[place] ?? 0;
      const sum =
        ofThree(pixels, place - line) + ofThree(pixels, place) + ofThree(pixels, place + line);
      smooth[place] = Math.floor((sum + (CENTRE_WEIGHT - 1) * middle) / KERNEL_SUM + 0.5);
    }
  }
  return smooth;
}

function ofThree(pixels: Uint8Array, place: number): number {
  return (pixels[place - 3] ?? 0) + (pixels[place] ?? 0) + (pixels[place + 3] ?? 0);
}

/** Replaces values by a function of them, one for each channel, that is made from the channel's counts. */
function throughTables(
  pixels: Uint8Array,
  make: (counts: number[]) => ((value: number) => number) | undefined,
): Uint8Array {
  const counts = [0, 1, 2].map(() => Array.from({ length: 256 }, () => 0));
  for (let place = 0; place < pixels.length; place += 1) {
    const channel = counts[place % 3];
    const value = pixels[place] ?? 0;
    if (channel !== undefined) channel[value] = (channel[value] ?? 0) + 1;
  }
  const tables = counts.map((channel) => {
    const change = make(channel) ?? ((value: number) => value);
    return Uint8ClampedArray.from({ length: 256 }, (_, value) => change(value));
  });
  return pixels.map((value, place) => tables[place % 3]?.[value] ?? 0);
}
