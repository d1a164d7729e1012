/** Pixels of a picture, [height, width, 3], RGB. */
export interface Pixels {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

// All operations give Pillow's numbers, byte for byte; they leave their input as it is. They are loops over integers
// and small tables: a training step would wait for anything slower.

/**
 * From a poorer picture's value (factor 0) to the picture's (factor 1) and beyond, as Pillow's Image.blend: 32-bit floats,
 * cut to integers. ImageEnhance blends with black, with grey, with the mean grey and with a smoothed picture.
 */
function blend(poor: number, value: number, weight: number): number {
  const mixed = Math.trunc(Math.fround(poor + Math.fround(weight * (value - poor))));
  return Math.max(0, Math.min(255, mixed));
}

/** What blends with one value of a poorer picture, or with each of them: the table's rows. */
function blends(poor: readonly number[], factor: number): Uint8Array {
  const weight = Math.fround(factor);
  const table = new Uint8Array(poor.length * 256);
  for (const [row, from] of poor.entries()) {
    for (let value = 0; value < 256; value += 1) {
      table[row * 256 + value] = blend(from, value, weight);
    }
  }
  return table;
}

const allValues: readonly number[] = Array.from({ length: 256 }, (_, value) => value);

export function brightness({ pixels }: Pixels, factor: number): Uint8Array {
  return factor === 1 ? pixels : throughTable(pixels, blends([0], factor));
}

export function colour({ pixels }: Pixels, factor: number): Uint8Array {
  if (factor === 1) return pixels;
  const table = blends(allValues, factor);
  const grey = greyOf(pixels);
  const result = new Uint8Array(pixels.length);
  let place = 0;
  for (let from = 0; from < grey.length; from += 1) {
    const row = (grey[from] ?? 0) * 256;
    result[place] = table[row + (pixels[place] ?? 0)] ?? 0;
    result[place + 1] = table[row + (pixels[place + 1] ?? 0)] ?? 0;
    result[place + 2] = table[row + (pixels[place + 2] ?? 0)] ?? 0;
    place += 3;
  }
  return result;
}

export function contrast({ pixels }: Pixels, factor: number): Uint8Array {
  if (factor === 1) return pixels;
  const grey = greyOf(pixels);
  let sum = 0;
  for (let place = 0; place < grey.length; place += 1) sum += grey[place] ?? 0;
  return throughTable(pixels, blends([Math.trunc(sum / grey.length + 0.5)], factor));
}

export function sharpness(picture: Pixels, factor: number): Uint8Array {
  const { pixels } = picture;
  if (factor === 1) return pixels;
  const table = blends(allValues, factor);
  const result = smoothed(picture);
  for (let place = 0; place < pixels.length; place += 1) {
    result[place] = table[(result[place] ?? 0) * 256 + (pixels[place] ?? 0)] ?? 0;
  }
  return result;
}

export function posterized({ pixels }: Pixels, bits: number): Uint8Array {
  const mask = 0xff & ~(2 ** (8 - bits) - 1);
  return throughTable(
    pixels,
    Uint8Array.from({ length: 256 }, (_, value) => value & mask),
  );
}

export function solarized({ pixels }: Pixels, threshold: number): Uint8Array {
  return throughTable(
    pixels,
    Uint8Array.from({ length: 256 }, (_, value) => (value < threshold ? value : 255 - value)),
  );
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
  const { height, width } = picture;
  const [a, b, c, d, e, f] = matrix;
  const result = new Uint8Array(picture.pixels.length);
  const step = { x: fixed(a), y: fixed(d) };
  for (let y = 0; y < height; y += 1) {
    const from = {
      x: fixed(c + a * 0.5 + b * 0.5) + y * fixed(b),
      y: fixed(f + d * 0.5 + e * 0.5) + y * fixed(e),
    };
    const line = result.subarray(y * width * 3, (y + 1) * width * 3);
    if (step.x === FIXED && step.y === 0) copyRun(picture, from, line);
    else copyPoints(picture, { from, step }, line);
  }
  return result;
}

/** A point in 16.16 fixed point. */
interface FixedPoint {
  readonly x: number;
  readonly y: number;
}

/** A line whose points are neighbours in the old picture too, as where only lines are moved. */
function copyRun({ height, pixels, width }: Pixels, from: FixedPoint, line: Uint8Array): void {
  const [column, row] = [Math.floor(from.x / FIXED), Math.floor(from.y / FIXED)];
  if (row < 0 || row >= height) return;
  const [first, end] = [Math.max(0, -column), Math.min(width, width - column)];
  if (first >= end) return;
  const start = (row * width + column) * 3;
  line.set(pixels.subarray(start + first * 3, start + end * 3), first * 3);
}

function copyPoints(
  { height, pixels, width }: Pixels,
  { from, step }: { from: FixedPoint; step: FixedPoint },
  line: Uint8Array,
): void {
  let { x, y } = from;
  const { x: stepX, y: stepY } = step;
  for (let to = 0; to < line.length; to += 3) {
    const [column, row] = [Math.floor(x / FIXED), Math.floor(y / FIXED)];
    if (column >= 0 && column < width && row >= 0 && row < height) {
      const place = (row * width + column) * 3;
      line[to] = pixels[place] ?? 0;
      line[to + 1] = pixels[place + 1] ?? 0;
      line[to + 2] = pixels[place + 2] ?? 0;
    }
    x += stepX;
    y += stepY;
  }
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
  let from = 0;
  for (let place = 0; place < grey.length; place += 1) {
    const red = pixels[from] ?? 0;
    const green = pixels[from + 1] ?? 0;
    const blue = pixels[from + 2] ?? 0;
    grey[place] = (red * 19_595 + green * 38_470 + blue * 7471 + 0x8000) >> 16;
    from += 3;
  }
  return grey;
}

// Pillow's SMOOTH: 1/13 of the eight neighbours and 5/13 of the pixel. Sums of whole numbers are never halfway.
const CENTRE_WEIGHT = 5;
const KERNEL_SUM = 13;
const smoothValues = Uint8Array.from({ length: 255 * KERNEL_SUM + 1 }, (_, sum) =>
  Math.floor(sum / KERNEL_SUM + 0.5),
);

/** The border stays as it is. */
function smoothed({ height, pixels, width }: Pixels): Uint8Array {
  // Not slice(): that of a Buffer shares its memory.
  const smooth = new Uint8Array(pixels);
  const line = width * 3;
  // Of each place of a line the sum with its neighbours above and below.
  const columns = new Uint16Array(line);
  for (let y = 1; y < height - 1; y += 1) {
    const start = y * line;
    for (let x = 0; x < line; x += 1) {
      const place = start + x;
      columns[x] = (pixels[place - line] ?? 0) + (pixels[place] ?? 0) + (pixels[place + line] ?? 0);
    }
    for (let x = 3; x < line - 3; x += 1) {
      const sum = (columns[x - 3] ?? 0) + (columns[x] ?? 0) + (columns[x + 3] ?? 0);
      const middle = pixels[start + x] ?? 0;
      smooth[start + x] = smoothValues[sum + (CENTRE_WEIGHT - 1) * middle] ?? 0;
    }
  }
  return smooth;
}

/** Replaces values by what a table says of them. */
function throughTable(pixels: Uint8Array, table: Uint8Array): Uint8Array {
  const result = new Uint8Array(pixels.length);
  for (let place = 0; place < pixels.length; place += 1) {
    result[place] = table[pixels[place] ?? 0] ?? 0;
  }
  return result;
}

/** Replaces values by a function of them, one for each channel, that is made from the channel's counts. */
function throughTables(
  pixels: Uint8Array,
  make: (counts: number[]) => ((value: number) => number) | undefined,
): Uint8Array {
  const counts = new Uint32Array(3 * 256);
  for (let place = 0; place < pixels.length; place += 3) {
    for (let channel = 0; channel < 3; channel += 1) {
      const entry = channel * 256 + (pixels[place + channel] ?? 0);
      counts[entry] = (counts[entry] ?? 0) + 1;
    }
  }
  const tables = new Uint8ClampedArray(3 * 256);
  for (let start = 0; start < tables.length; start += 256) {
    const change = make(Array.from(counts.subarray(start, start + 256)));
    for (let value = 0; value < 256; value += 1) {
      tables[start + value] = change === undefined ? value : change(value);
    }
  }
  const result = new Uint8Array(pixels.length);
  for (let place = 0; place < pixels.length; place += 3) {
    for (let channel = 0; channel < 3; channel += 1) {
      result[place + channel] = tables[channel * 256 + (pixels[place + channel] ?? 0)] ?? 0;
    }
  }
  return result;
}
