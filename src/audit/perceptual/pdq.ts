import { strict as assert } from "node:assert";
import { HASH_BYTES } from "./hash.ts";
import { type InnerLoop, innerLoops } from "./inner-loops.ts";
import { asItIs, type Symmetry } from "./symmetries.ts";

/** RGB pixels, 8 bits a channel, upright, row by row without gaps: [height, width, 3]. */
export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** A part of a picture: edges as fractions of its width and height, 0 <= left < right <= 1. */
export interface PictureWindow {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A perceptual hash of 32 bytes. Below MIN_QUALITY it says little: flat pictures have hashes of noise. */
export interface PerceptualHash {
  readonly hash: Uint8Array;
  /** 0 to 100: how much the picture changes from place to place. */
  readonly quality: number;
}

// The constants of PDQ's C++ reference: facebook/ThreatExchange, pdq/cpp.
/** Hashes at most so far apart are of the same picture. */
export const MAX_PDQ_DISTANCE = 31;
/** A hash of a lower quality is not compared. */
export const MIN_QUALITY = 50;
const MIN_SIDE = 5;
const MAX_SIDE = 512;
const SIDE = 64;
const NUM_FREQUENCIES = 16;
const STEPS_PER_QUALITY = 90;
const MAX_QUALITY = 100;

const CHANNELS = 3;
const FLOAT_BYTES = Float32Array.BYTES_PER_ELEMENT;
const PAGE_BYTES = 65_536;
const SLACK_BYTES = 64;
const MAX_KEPT_PAGES = 128;

// What native/pdq.c works on, and how many numbers of 32 bits each has room for.
const { places, end: rowStart } = layOut({
  plane: MAX_SIDE * MAX_SIDE,
  other: MAX_SIDE * MAX_SIDE,
  scratch: 2 * 8 * MAX_SIDE,
  samples: SIDE * SIDE,
  columns: MAX_SIDE,
  rows: SIDE,
  reduced: SIDE * SIDE,
  half: NUM_FREQUENCIES * SIDE,
  cosines: NUM_FREQUENCIES * SIDE,
  cosinesTransposed: NUM_FREQUENCIES * SIDE,
  coefficients: NUM_FREQUENCIES * NUM_FREQUENCIES,
  hash: HASH_BYTES / FLOAT_BYTES,
});

/**
 * The perceptual hash PDQ, equal bit for bit to its C++ reference from the same pixels: above 512 pixels in a
 * direction every pixel of 512 x 512 is its nearest (CImg's resize), luma, two box filters, 64 x 64 samples,
 * 16 x 16 coefficients of their DCT against the median. 0.5 ms for a picture of 640 x 480.
 *
 * It owns the memory that one picture is worked on in: what `open` gives is good until the next `open`.
 */
export class PdqHasher {
  #memory = new WebAssembly.Memory({ initial: numPages(rowStart) });
  #loops = instantiate(this.#memory);

  /** Reduces a picture, so that it and its windows can be hashed. */
  open(picture: RgbPicture): ReducedPicture {
    const { width, height, data } = picture;
    assert(data.length === width * height * CHANNELS, "pixels of 8-bit RGB");
    const numColumns = width > MAX_SIDE || height > MAX_SIDE ? MAX_SIDE : width;
    const numRows = width > MAX_SIDE || height > MAX_SIDE ? MAX_SIDE : height;
    const size = {
      numRows,
      numColumns,
      stride: Math.ceil(numColumns / 4) * 4,
      aspect: width / height,
    };
    this.#makeRoom(width);
    const machine = { memory: this.#memory, loops: this.#loops };
    if (width < MIN_SIDE || height < MIN_SIDE) return new ReducedPicture(size, machine, true);
    this.#takeLuma(picture, size);
    if (numRows !== SIDE || numColumns !== SIDE) this.#blur(size);
    return new ReducedPicture(size, machine, false);
  }

  #takeLuma({ width, height, data }: RgbPicture, { numRows, numColumns, stride }: PlaneSize): void {
    const rowBytes = width * CHANNELS;
    const { buffer } = this.#memory;
    const offsets = new Int32Array(buffer, places.columns, stride).fill(0);
    for (let x = 0; x < numColumns; x += 1) {
      offsets[x] = Math.floor((x * width) / numColumns) * CHANNELS;
    }
    const row = new Uint8Array(buffer, rowStart, rowBytes);
    for (let y = 0; y < numRows; y += 1) {
      const from = Math.floor((y * height) / numRows) * rowBytes;
      row.set(data.subarray(from, from + rowBytes));
      const luma = places.plane + y * stride * FLOAT_BYTES;
      this.#loops.lumaOfRow(rowStart, places.columns, stride, luma);
    }
  }

  // Two passes are PDQ's tent filter, as wide as a sample.
  #blur({ numRows, numColumns, stride }: PlaneSize): void {
    const { plane, other, scratch } = places;
    const { blurRows, blurColumns } = this.#loops;
    const [along, across] = [filterWindow(numColumns), filterWindow(numRows)];
    blurRows(plane, numRows, numColumns, stride, along, scratch);
    blurColumns(plane, other, numRows, stride, across, scratch);
    blurRows(other, numRows, numColumns, stride, along, scratch);
    blurColumns(other, plane, numRows, stride, across, scratch);
  }

  // Memory that only a very wide picture needed is given back with the next.
  #makeRoom(width: number): void {
    const needed = numPages(rowStart + width * CHANNELS + SLACK_BYTES);
    const current = this.#memory.buffer.byteLength / PAGE_BYTES;
    if (needed > current) this.#memory.grow(needed - current);
    else if (current > MAX_KEPT_PAGES && needed <= MAX_KEPT_PAGES) {
      this.#memory = new WebAssembly.Memory({ initial: needed });
      this.#loops = instantiate(this.#memory);
    }
  }
}

function numPages(numBytes: number): number {
  return Math.ceil(numBytes / PAGE_BYTES);
}

interface PlaneSize {
  readonly numRows: number;
  readonly numColumns: number;
  readonly stride: number;
  /** Width by height of the picture as it was. */
  readonly aspect: number;
}

interface Machine {
  readonly memory: WebAssembly.Memory;
  readonly loops: PdqLoops;
}

const wholePicture: PictureWindow = { left: 0, top: 0, right: 1, bottom: 1 };

/** A picture from which hashes are made, until its hasher opens another. */
export class ReducedPicture {
  readonly #size: PlaneSize;
  readonly #machine: Machine;
  readonly #tooSmall: boolean;

  constructor(size: PlaneSize, machine: Machine, tooSmall: boolean) {
    this.#size = size;
    this.#machine = machine;
    this.#tooSmall = tooSmall;
  }

  /**
   * The picture's own hash. One with less than 5 pixels in a direction has a hash of zeros and quality 0 (which
   * the reference first stretches if the other direction has more than 512).
   */
  hash(): PerceptualHash {
    return this.hashWindow(wholePicture);
  }

  /** Hashes of the picture turned and mirrored, one for each of `wanted`, from one transform. */
  hashSymmetries(wanted: readonly Symmetry[]): readonly PerceptualHash[] {
    const quality = this.#transform(wholePicture);
    return wanted.map((symmetry) => ({ hash: this.#read(symmetry), quality }));
  }

  /**
   * Nearly the hash that this part of the picture would have as a picture: the samples are taken from the
   * picture that was filtered as a whole.
   */
  hashWindow(window: PictureWindow): PerceptualHash {
    const quality = this.#transform(window);
    return { hash: this.#read(asItIs), quality };
  }

  /** Nearly the hash of the picture turned to the right about its middle and cut to its size. */
  hashTurned(degrees: number): PerceptualHash {
    if (this.#tooSmall) return this.hash();
    this.#sampleTurned((degrees * Math.PI) / 180);
    const quality = this.#transformSamples();
    return { hash: this.#read(asItIs), quality };
  }

  #transform(window: PictureWindow): number {
    if (this.#tooSmall) return 0;
    this.#sampleWindow(window);
    return this.#transformSamples();
  }

  #sampleWindow(window: PictureWindow): void {
    const { memory, loops } = this.#machine;
    const { numRows, numColumns, stride } = this.#size;
    const rows = new Int32Array(memory.buffer, places.rows, SIDE);
    const columns = new Int32Array(memory.buffer, places.columns, SIDE);
    for (let at = 0; at < SIDE; at += 1) {
      const middle = (at + 0.5) / SIDE;
      rows[at] = stride * Math.floor(numRows * between(window.top, window.bottom, middle));
      columns[at] = Math.floor(numColumns * between(window.left, window.right, middle));
    }
    loops.sample(places.plane, places.rows, places.columns, places.reduced);
  }

  // A turned picture's pixel is where the turn came from; beyond an edge, it is the edge's.
  #sampleTurned(angle: number): void {
    const { memory, loops } = this.#machine;
    const { numRows, numColumns, stride, aspect } = this.#size;
    const samples = new Int32Array(memory.buffer, places.samples, SIDE * SIDE);
    const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
    for (let at = 0; at < SIDE * SIDE; at += 1) {
      const across = ((at % SIDE) + 0.5) / SIDE - 0.5;
      const down = (Math.floor(at / SIDE) + 0.5) / SIDE - 0.5;
      const x = 0.5 + across * cosine + (down * sine) / aspect;
      const y = 0.5 + down * cosine - across * sine * aspect;
      samples[at] = placeIn(y, numRows) * stride + placeIn(x, numColumns);
    }
    loops.sampleAt(places.plane, places.samples, places.reduced);
  }

  #transformSamples(): number {
    const { loops } = this.#machine;
    const { reduced, cosines, cosinesTransposed, half, coefficients } = places;
    const steps = loops.sumOfSteps(reduced);
    loops.transform(reduced, cosines, cosinesTransposed, half, coefficients);
    return Math.min(MAX_QUALITY, Math.floor(steps / STEPS_PER_QUALITY));
  }

  #read({ upsideDown, leftRight, transposed }: Symmetry): Uint8Array {
    const hash = new Uint8Array(HASH_BYTES);
    if (this.#tooSmall) return hash;
    const { coefficients, scratch } = places;
    const signs = [Number(upsideDown), Number(leftRight), Number(transposed)];
    this.#machine.loops.hashOf(coefficients, ...signs, scratch, places.hash);
    hash.set(new Uint8Array(this.#machine.memory.buffer, places.hash, HASH_BYTES));
    return hash;
  }
}

function placeIn(share: number, side: number): number {
  return Math.max(0, Math.min(side - 1, Math.floor(share * side)));
}

function between(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

/** Pixels that one pass of the filter averages: half a sample of 64, rounded up. */
function filterWindow(side: number): number {
  return Math.ceil(side / (2 * SIDE));
}

interface PdqLoops {
  readonly lumaOfRow: InnerLoop;
  readonly blurRows: InnerLoop;
  readonly blurColumns: InnerLoop;
  readonly sample: InnerLoop;
  readonly sampleAt: InnerLoop;
  readonly sumOfSteps: InnerLoop;
  readonly transform: InnerLoop;
  readonly hashOf: InnerLoop;
}

function instantiate(memory: WebAssembly.Memory): PdqLoops {
  const cosines = dctRows();
  new Float32Array(memory.buffer, places.cosines, cosines.length).set(cosines);
  const turned = new Float32Array(memory.buffer, places.cosinesTransposed, cosines.length);
  for (const [at, value] of cosines.entries()) {
    turned[(at % SIDE) * NUM_FREQUENCIES + Math.floor(at / SIDE)] = value;
  }
  const loop = innerLoops("pdq", memory);
  return {
    lumaOfRow: loop("lumaOfRow"),
    blurRows: loop("blurRows"),
    blurColumns: loop("blurColumns"),
    sample: loop("sample"),
    sampleAt: loop("sampleAt"),
    sumOfSteps: loop("sumOfSteps"),
    transform: loop("transform"),
    hashOf: loop("hashOf"),
  };
}

/** Frequencies 1 to 16 of the DCT of 64 samples: [16, 64], rounded as the reference rounds. */
function dctRows(): Float32Array {
  const scale = Math.fround(Math.sqrt(2 / SIDE));
  return Float32Array.from({ length: NUM_FREQUENCIES * SIDE }, (_, at) => {
    const frequency = Math.floor(at / SIDE) + 1;
    return scale * Math.cos((Math.PI / 2 / SIDE) * frequency * (2 * (at % SIDE) + 1));
  });
}

function layOut<Name extends string>(
  sizes: Readonly<Record<Name, number>>,
): { places: Readonly<Record<Name, number>>; end: number } {
  let end = 0;
  const starts: Record<Name, number> = { ...sizes };
  for (const name in sizes) {
    starts[name] = end;
    end = Math.ceil((end + sizes[name] * FLOAT_BYTES + SLACK_BYTES) / 16) * 16;
  }
  return { places: starts, end };
}
