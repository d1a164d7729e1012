import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type LineWeights, areaWeights } from "./line-weights.ts";

/** Width and height in pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** RGB pixels, 8 bits a channel, row by row without gaps: [height, width, 3]. */
export interface RgbPixels extends PictureSize {
  readonly data: Uint8Array;
}

/** The name of the method of preparation, for its record. */
export const RESAMPLER = "area average, rows then columns, weights of 14 bits";

/** How rows and columns of one picture become those of another. */
export interface Resampling {
  readonly rows: LineWeights;
  readonly columns: LineWeights;
  /** Where the first of the weights' rows and columns are, and how many columns there are. */
  readonly top: number;
  readonly left: number;
  readonly width: number;
}

const NUM_CHANNELS = 3;
/** The inner loops write whole vectors: this many bytes behind a buffer are theirs. */
const SLACK_BYTES = 64;
const PAGE_BYTES = 65_536;
/** Memory that one unusual picture needed is given back before the next. */
const MAX_KEPT_BYTES = 32 * 2 ** 20;

/**
 * Makes a picture of another size by weighted means: first of rows, then of pixels within them, in compiled
 * WebAssembly.
 *
 * It owns the memory that pictures are decoded into and resampled in; what it hands out is good until the
 * next `open`.
 */
export class Resampler {
  #memory = new WebAssembly.Memory({ initial: 1 });
  #loop: InnerLoop = instantiate(this.#memory);

  /** Room for a picture, and for its reduction to `target`, which is no larger in any direction, by averaging areas. */
  open(source: PictureSize, target: PictureSize = source): PictureRoom {
    const isSame = source.width === target.width && source.height === target.height;
    const rows = areaWeights(source.height, target.height);
    const columns = areaWeights(source.width, target.width);
    const { width } = source;
    return this.openFor(source, isSame ? undefined : { rows, columns, top: 0, left: 0, width });
  }

  /** Room for a picture, and for what is made of it; without a resampling, the picture itself. */
  openFor(source: PictureSize, resampling: Resampling | undefined): PictureRoom {
    const layout = layOut(source, resampling);
    if (layout.end > this.#memory.buffer.byteLength) this.#grow(layout.end);
    else if (this.#memory.buffer.byteLength > MAX_KEPT_BYTES) this.#renew(layout.end);
    return new PictureRoom(layout, { memory: this.#memory, loop: this.#loop });
  }

  #grow(numBytes: number): void {
    this.#memory.grow(Math.ceil((numBytes - this.#memory.buffer.byteLength) / PAGE_BYTES));
  }

  #renew(numBytes: number): void {
    if (numBytes > MAX_KEPT_BYTES) return;
    this.#memory = new WebAssembly.Memory({ initial: Math.ceil(numBytes / PAGE_BYTES) });
    this.#loop = instantiate(this.#memory);
  }
}

interface Layout {
  readonly source: PictureSize;
  readonly pixels: number;
  readonly work: WorkLayout | undefined;
  readonly end: number;
}

/** Where everything lies that is needed beside the pixels. */
interface WorkLayout {
  readonly resampling: Resampling;
  readonly result: number;
  readonly sums: number;
  readonly rowStarts: number;
  readonly rowCounts: number;
  readonly rowWeights: number;
  readonly columnStarts: number;
  readonly columnWeights: number;
}

function layOut(source: PictureSize, resampling: Resampling | undefined): Layout {
  let end = 0;
  const take = (numBytes: number): number => {
    const start = end;
    end = Math.ceil((start + numBytes + SLACK_BYTES) / 16) * 16;
    return start;
  };
  const pixels = take(source.width * (source.height + 1) * NUM_CHANNELS); // a row without weight may follow
  if (resampling === undefined) return { source, pixels, work: undefined, end };
  const { rows, columns } = resampling;
  const [height, width] = [rows.starts.length, columns.starts.length];
  const work = {
    resampling,
    result: take(width * height * NUM_CHANNELS),
    sums: take(source.width * NUM_CHANNELS * Int16Array.BYTES_PER_ELEMENT),
    rowStarts: take(height * Int32Array.BYTES_PER_ELEMENT),
    rowCounts: take(height * Int32Array.BYTES_PER_ELEMENT),
    rowWeights: take(rows.weights.byteLength),
    columnStarts: take(wholeFours(width) * Int32Array.BYTES_PER_ELEMENT),
    columnWeights: take(wholeFours(width) * columns.numTaps * Int16Array.BYTES_PER_ELEMENT),
  };
  return { source, pixels, work, end };
}

/** Room for one picture. */
export class PictureRoom {
  readonly #layout: Layout;
  readonly #bytes: Uint8Array;
  readonly #loop: InnerLoop;

  constructor(layout: Layout, machine: { memory: WebAssembly.Memory; loop: InnerLoop }) {
    this.#layout = layout;
    this.#bytes = new Uint8Array(machine.memory.buffer);
    this.#loop = machine.loop;
  }

  /** Where the picture is put. */
  get source(): RgbPixels {
    const { pixels, source } = this.#layout;
    return { ...source, data: this.#view(pixels, source) };
  }

  /** What is made of the picture. */
  resample(): RgbPixels {
    const { work } = this.#layout;
    if (work === undefined) return this.source;
    this.#blend(work);
    const { rows, columns } = work.resampling;
    const size = { width: columns.starts.length, height: rows.starts.length };
    return { ...size, data: this.#view(work.result, size) };
  }

  #view(offset: number, { width, height }: PictureSize): Uint8Array {
    return this.#bytes.subarray(offset, offset + width * height * NUM_CHANNELS);
  }

  #blend(work: WorkLayout): void {
    const { pixels, source } = this.#layout;
    const { rows, columns, top, left, width } = work.resampling;
    const rowBytes = source.width * NUM_CHANNELS;
    const first = pixels + top * rowBytes + left * NUM_CHANNELS;
    this.#put(work.rowStarts, scaled(rows.starts, rowBytes));
    this.#put(work.rowCounts, rows.counts);
    this.#put(work.rowWeights, rows.weights);
    // The loops take four pixels at a time.
    this.#put(work.columnStarts, new Int32Array(wholeFours(columns.starts.length)));
    this.#put(work.columnStarts, scaled(columns.starts, NUM_CHANNELS));
    this.#put(work.columnWeights, columns.weights);
    this.#loop(
      first,
      rowBytes,
      width * NUM_CHANNELS,
      rows.starts.length,
      rows.numTaps,
      work.rowStarts,
      work.rowCounts,
      work.rowWeights,
      work.sums,
      columns.starts.length,
      columns.numTaps,
      work.columnStarts,
      work.columnWeights,
      work.result,
    );
  }

  #put(offset: number, values: Int32Array | Int16Array): void {
    this.#bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
  }
}

function scaled(starts: Int32Array, unit: number): Int32Array {
  return starts.map((start) => start * unit);
}

function wholeFours(count: number): number {
  return Math.ceil(count / 4) * 4;
}

type InnerLoop = (...operands: readonly number[]) => void;

let compiled: WebAssembly.Module | undefined;

function instantiate(memory: WebAssembly.Memory): InnerLoop {
  const path = join(import.meta.dirname, "../../native/resample.wasm");
  compiled ??= new WebAssembly.Module(readFileSync(path));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const loop = exports["resample"];
  if (typeof loop === "function") return (...operands) => void loop(...operands);
  throw new Error("native/resample.wasm has no resample; it is not this version's");
}
