import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Width and height in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** RGB pixels, 8 bits a channel, row by row without gaps: [height, width, 3]. */
export interface RgbPixels extends PictureSize {
  readonly data: Uint8Array;
}

/** The name of the method, for the record of a preparation. */
export const RESAMPLER = "area average, rows then columns, weights of 14 bits";

const NUM_CHANNELS = 3;
// As in native/resample.c.
const WEIGHT_ONE = 1 << 14;
/** The inner loops write whole vectors: this many bytes behind a buffer are theirs. */
const SLACK_BYTES = 64;
const PAGE_BYTES = 65_536;
/** Memory that one unusual picture needed is given back before the next. */
const MAX_KEPT_BYTES = 32 * 2 ** 20;

/** Which neighbours each pixel of a line is made of, and with which weights. */
interface LineWeights {
  /** Neighbours of every pixel, an even number; those too many have no weight. */
  readonly numTaps: number;
  /** Of each pixel, the first of its neighbours. */
  readonly starts: Int32Array;
  /** Of each pixel in turn, `numTaps` fixed-point numbers that add up to WEIGHT_ONE. */
  readonly weights: Int16Array;
}

/**
 * Reduces pictures by averaging areas: a pixel is the mean of what it covers, parts of pixels by their
 * share. OpenCV calls it INTER_AREA. Two passes, rows first, in compiled WebAssembly.
 *
 * It owns the memory that pictures are decoded into and reduced in; what it hands out is good until the
 * next `open`.
 */
export class Resampler {
  #memory = new WebAssembly.Memory({ initial: 1 });
  #loops: InnerLoops = instantiate(this.#memory);

  /** Room for a picture, and for its reduction to `target`, which is no larger in any direction. */
  open(source: PictureSize, target: PictureSize = source): PictureRoom {
    const room = layOut(source, target);
    if (room.end > this.#memory.buffer.byteLength) this.#grow(room.end);
    else if (this.#memory.buffer.byteLength > MAX_KEPT_BYTES) this.#renew(room.end);
    return new PictureRoom(room, { memory: this.#memory, loops: this.#loops });
  }

  #grow(numBytes: number): void {
    this.#memory.grow(Math.ceil((numBytes - this.#memory.buffer.byteLength) / PAGE_BYTES));
  }

  #renew(numBytes: number): void {
    if (numBytes > MAX_KEPT_BYTES) return;
    this.#memory = new WebAssembly.Memory({ initial: Math.ceil(numBytes / PAGE_BYTES) });
    this.#loops = instantiate(this.#memory);
  }
}

interface Layout {
  readonly source: PictureSize;
  readonly target: PictureSize;
  readonly pixels: number;
  readonly result: number;
  readonly sums: number;
  readonly columnStarts: number;
  readonly columnWeights: number;
  readonly rowWeights: number;
  readonly end: number;
}

function layOut(source: PictureSize, target: PictureSize): Layout {
  let end = 0;
  const take = (numBytes: number): number => {
    const start = end;
    end = Math.ceil((start + numBytes + SLACK_BYTES) / 16) * 16;
    return start;
  };
  const pixels = take(source.width * (source.height + 1) * NUM_CHANNELS); // a row without weight may follow
  const result = take(target.width * target.height * NUM_CHANNELS);
  const sums = take(source.width * NUM_CHANNELS * Int16Array.BYTES_PER_ELEMENT);
  const numColumns = wholeFours(target.width);
  const columnStarts = take(numColumns * Int32Array.BYTES_PER_ELEMENT);
  const columnTaps = numTapsOf(source.width, target.width);
  const columnWeights = take(numColumns * columnTaps * Int16Array.BYTES_PER_ELEMENT);
  const rowTaps = numTapsOf(source.height, target.height);
  const rowWeights = take(target.height * rowTaps * Int16Array.BYTES_PER_ELEMENT);
  return { source, target, pixels, result, sums, columnStarts, columnWeights, rowWeights, end };
}

/** Room for one picture. */
export class PictureRoom {
  readonly #layout: Layout;
  readonly #bytes: Uint8Array;
  readonly #loops: InnerLoops;

  constructor(layout: Layout, machine: { memory: WebAssembly.Memory; loops: InnerLoops }) {
    this.#layout = layout;
    this.#bytes = new Uint8Array(machine.memory.buffer);
    this.#loops = machine.loops;
  }

  /** Where the picture is put. */
  get source(): RgbPixels {
    const { pixels, source } = this.#layout;
    return { ...source, data: this.#view(pixels, source) };
  }

  /** Reduces the picture to the target. */
  reduce(): RgbPixels {
    const { result, target, source } = this.#layout;
    if (source.width === target.width && source.height === target.height) return this.source;
    this.#blend();
    return { ...target, data: this.#view(result, target) };
  }

  #view(offset: number, { width, height }: PictureSize): Uint8Array {
    return this.#bytes.subarray(offset, offset + width * height * NUM_CHANNELS);
  }

  #blend(): void {
    const { source, target, pixels, sums, result, columnStarts, columnWeights, rowWeights } =
      this.#layout;
    const columns = areaWeights(source.width, target.width);
    const rows = areaWeights(source.height, target.height);
    this.#putColumns(columns);
    this.#put(rowWeights, rows.weights);
    const sourceRow = source.width * NUM_CHANNELS;
    const targetRow = target.width * NUM_CHANNELS;
    const { blendRows, blendColumns } = this.#loops;
    for (let y = 0; y < target.height; y += 1) {
      const first = pixels + (rows.starts[y] ?? 0) * sourceRow;
      const weights = rowWeights + y * rows.numTaps * Int16Array.BYTES_PER_ELEMENT;
      blendRows(first, sourceRow, rows.numTaps, weights, sums);
      const to = result + y * targetRow;
      blendColumns(sums, target.width, columns.numTaps, columnStarts, columnWeights, to);
    }
  }

  // The loops take four pixels at a time and want positions of channels.
  #putColumns({ starts, weights }: LineWeights): void {
    const padded = new Int32Array(wholeFours(starts.length));
    padded.set(starts.map((start) => start * NUM_CHANNELS));
    this.#put(this.#layout.columnStarts, padded);
    this.#put(this.#layout.columnWeights, weights);
  }

  #put(offset: number, values: Int32Array | Int16Array): void {
    this.#bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
  }
}

function wholeFours(count: number): number {
  return Math.ceil(count / 4) * 4;
}

function numTapsOf(sourceSize: number, targetSize: number): number {
  const numCovered = sourceSize === targetSize ? 1 : Math.ceil(sourceSize / targetSize) + 1;
  return Math.ceil(numCovered / 2) * 2;
}

function areaWeights(sourceSize: number, targetSize: number): LineWeights {
  const numTaps = numTapsOf(sourceSize, targetSize);
  const starts = new Int32Array(targetSize);
  const weights = new Int16Array(targetSize * numTaps);
  for (let target = 0; target < targetSize; target += 1) {
    // Whole numbers, so that no rounding moves an edge: the pixel covers [from, to) / targetSize.
    const from = target * sourceSize;
    const to = from + sourceSize;
    const first = Math.floor(from / targetSize);
    const start = Math.max(0, Math.min(first, sourceSize - numTaps));
    starts[target] = start;
    // Rounding what has been covered so far instead of each share keeps the sum exact.
    let given = 0;
    for (let covered = first; covered * targetSize < to; covered += 1) {
      const share = (Math.min(to, (covered + 1) * targetSize) - from) / sourceSize;
      const upTo = Math.round(share * WEIGHT_ONE);
      weights[target * numTaps + covered - start] = upTo - given;
      given = upTo;
    }
  }
  return { numTaps, starts, weights };
}

type InnerLoop = (...operands: readonly number[]) => void;

interface InnerLoops {
  readonly blendRows: InnerLoop;
  readonly blendColumns: InnerLoop;
}

let compiled: WebAssembly.Module | undefined;

function instantiate(memory: WebAssembly.Memory): InnerLoops {
  const path = join(import.meta.dirname, "../../native/resample.wasm");
  compiled ??= new WebAssembly.Module(readFileSync(path));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return { blendRows: loopOf(exports, "blendRows"), blendColumns: loopOf(exports, "blendColumns") };
}

function loopOf(exports: WebAssembly.Exports, name: string): InnerLoop {
  const loop = exports[name];
  if (typeof loop === "function") return (...operands) => void loop(...operands);
  throw new Error(`native/resample.wasm has no ${name}; it is not this version's`);
}
