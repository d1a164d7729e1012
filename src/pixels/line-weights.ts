/** Which neighbours each pixel of a line is made of, and with which weights. */
export interface LineWeights {
  /** Room for the neighbours of every pixel, an even number; those too many have no weight. */
  readonly numTaps: number;
  /** The largest of `counts`. */
  readonly mostTaps: number;
  /** Of each pixel, the first of its neighbours. */
  readonly starts: Int32Array;
  /** Of each pixel, how many of its taps come before those that have no weight. */
  readonly counts: Int32Array;
  /** Of each pixel in turn, `numTaps` fixed-point numbers that add up to WEIGHT_ONE. */
  readonly weights: Int16Array;
}

// As in native/resample.c.
const WEIGHT_ONE: number = 1 << 14;

/** A weighted mean of neighbours, by their distance. */
export interface Kernel {
  readonly name: string;
  /** Neighbours farther away have no weight. */
  readonly reach: number;
  readonly weightAt: (distance: number) => number;
}

/** Pillow's BILINEAR: a triangle. */
export const bilinear: Kernel = {
  name: "bilinear",
  reach: 1,
  weightAt: (distance) => 1 - Math.abs(distance),
};

const CUBIC_SLOPE = -0.5;

/** Pillow's BICUBIC: Keys' cubic convolution (IEEE ASSP 29, 1981), with the slope that he recommends. */
export const bicubic: Kernel = {
  name: "bicubic",
  reach: 2,
  weightAt: (distance) => {
    const x = Math.abs(distance);
    if (x < 1) return ((CUBIC_SLOPE + 2) * x - (CUBIC_SLOPE + 3)) * x * x + 1;
    return (((x - 5) * x + 8) * x - 4) * CUBIC_SLOPE;
  },
};

/** A line of `target` pixels from the part between `from` and `to` of a line. */
export interface LinePart {
  readonly from: number;
  readonly to: number;
  readonly target: number;
  /** The last pixel comes first. */
  readonly isReversed: boolean;
}

/**
 * The weights of Pillow's antialiased resampling of what lies between `from` and `to`, as if nothing else were there: a
 * pixel's neighbours are those within the kernel's reach, which is stretched where there are fewer pixels than before.
 */
export function kernelWeights(part: LinePart, kernel: Kernel): LineWeights {
  const { from, to, target, isReversed } = part;
  const scale = (to - from) / target;
  const stretch = Math.max(1, scale);
  const reach = kernel.reach * stretch;
  const [first, end] = [Math.floor(from), Math.ceil(to)];
  const numTaps = wholePairs(Math.min(end - first, Math.floor(2 * reach) + 1));
  const lines = emptyWeights(target, numTaps);
  const shares = new Float64Array(numTaps);
  for (let at = 0; at < target; at += 1) {
    const centre = from + (at + 0.5) * scale;
    const low = Math.max(first, Math.floor(centre - reach + 0.5));
    const high = Math.min(end, Math.floor(centre + reach + 0.5));
    let sum = 0;
    for (let pixel = low; pixel < high; pixel += 1) {
      const share = kernel.weightAt((pixel + 0.5 - centre) / stretch);
      shares[pixel - low] = share;
      sum += share;
    }
    const start = Math.max(first, Math.min(low, end - numTaps));
    const place = isReversed ? target - 1 - at : at;
    lines.starts[place] = start;
    lines.counts[place] = high - start;
    putShares(lines.weights, {
      at: place * numTaps + low - start,
      shares: shares.subarray(0, high - low),
      sum,
    });
  }
  return { ...lines, mostTaps: Math.max(...lines.counts) };
}

// Rounding what has been given so far instead of each share keeps the sum exact.
function putShares(
  weights: Int16Array,
  { at, shares, sum }: { at: number; shares: Float64Array; sum: number },
): void {
  let soFar = 0;
  let given = 0;
  for (let index = 0; index < shares.length; index += 1) {
    soFar += shares[index] ?? 0;
    const upTo = Math.round((soFar / sum) * WEIGHT_ONE);
    weights[at + index] = upTo - given;
    given = upTo;
  }
}

/** The weights of averages of areas: a pixel is the mean of what it covers, parts of pixels by their share. */
export function areaWeights(source: number, target: number): LineWeights {
  const numTaps = wholePairs(source === target ? 1 : Math.ceil(source / target) + 1);
  const lines = emptyWeights(target, numTaps);
  for (let at = 0; at < target; at += 1) {
    // Whole numbers, so that no rounding moves an edge: the pixel covers [from, to) / target.
    const from = at * source;
    const to = from + source;
    const first = Math.floor(from / target);
    const start = Math.max(0, Math.min(first, source - numTaps));
    lines.starts[at] = start;
    lines.counts[at] = numTaps;
    let given = 0;
    for (let covered = first; covered * target < to; covered += 1) {
      const share = (Math.min(to, (covered + 1) * target) - from) / source;
      const upTo = Math.round(share * WEIGHT_ONE);
      lines.weights[at * numTaps + covered - start] = upTo - given;
      given = upTo;
    }
  }
  return lines;
}

function emptyWeights(target: number, numTaps: number): LineWeights {
  const [starts, counts] = [new Int32Array(target), new Int32Array(target)];
  return { numTaps, mostTaps: numTaps, starts, counts, weights: new Int16Array(target * numTaps) };
}

function wholePairs(count: number): number {
  return Math.ceil(count / 2) * 2;
}

/** Weights as compiled loops take them. */
interface LineBytes {
  /** From one neighbour to the next, in bytes. */
  readonly step: number;
  readonly starts: Uint8Array;
  readonly counts: Uint8Array;
  readonly weights: Uint8Array;
}

/** Many pictures are of one size, and have the same weights. */
const knownBytes = new WeakMap<LineWeights, LineBytes>();

/**
 * The starts in bytes, `step` of them from one neighbour to the next, and counts and weights, for `numLines` pixels: loops that
 * take several together take some behind the last, which begin at 0 and have no neighbours.
 */
export function lineBytes(
  lines: LineWeights,
  { numLines, step }: { readonly step: number; readonly numLines: number },
): LineBytes {
  const known = knownBytes.get(lines);
  if (known?.step === step && known.starts.length === numLines * Int32Array.BYTES_PER_ELEMENT)
    return known;
  const starts = new Int32Array(numLines);
  const counts = new Int32Array(starts.length);
  starts.set(lines.starts.map((start) => start * step));
  counts.set(lines.counts);
  const { weights } = lines;
  const made = {
    step,
    starts: bytesOf(starts),
    counts: bytesOf(counts),
    weights: bytesOf(weights),
  };
  knownBytes.set(lines, made);
  return made;
}

function bytesOf({ buffer, byteLength, byteOffset }: Int32Array | Int16Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
