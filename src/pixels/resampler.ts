import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type LineWeights, areaWeights, lineBytes } from "./line-weights.ts";

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
  /** The precise loop rounds once; the quick one rounds every product, to less than a tenth of a level. */
  readonly loop: "precise" | "quick";
}

/** With more, the quick loop's roundings could add up to half a level. */
export const MAX_QUICK_TAPS = 16;

const NUM_CHANNELS = 3;
/** The inner loops write whole vectors: this many bytes behind a buffer are theirs. */
const SLACK_BYTES = 64;
const VECTOR_BYTES = 16;
/** Of the quick loop. */
const ROWS_AT_ONCE = 8;
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
  #loops: InnerLoops = instantiate(this.#memory);

  /** Room for a picture, and for its reduction to `target`, which is no larger in any direction, by averaging areas. */
  open(source: PictureSize, target: PictureSize = source): PictureRoom {
    const isSame = source.width === target.width && source.height === target.height;
    const rows = areaWeights(source.height, target.height);
    const columns = areaWeights(source.width, target.width);
    const { width } = source;
    return this.openFor(
      source,
      isSame ? undefined : { rows, columns, top: 0, left: 0, width, loop: "precise" },
    );
  }

  /** Room for a picture, and for what is made of it; without a resampling, the picture itself. */
  openFor(source: PictureSize, resampling: Resampling | undefined): PictureRoom {
    const layout = layOut(source, resampling);
    if (layout.end > this.#memory.buffer.byteLength) this.#grow(layout.end);
    else if (this.#memory.buffer.byteLength > MAX_KEPT_BYTES) this.#renew(layout.end);
    return new PictureRoom(layout, { memory: this.#memory, loops: this.#loops });
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
  readonly pixels: number;
  readonly work: WorkLayout | undefined;
  readonly end: number;
}

/** Where everything lies that is needed beside the pixels. */
interface WorkLayout {
  readonly resampling: Resampling;
  readonly result: number;
  /** Of the quick loop's rows, which are whole vectors, in bytes. */
  readonly pitch: number;
  readonly sums: number;
  readonly bytes: number;
  readonly rowStarts: number;
  readonly rowCounts: number;
  readonly rowWeights: number;
  readonly rowWords: number;
  readonly columnStarts: number;
  readonly columnWeights: number;
  readonly columnWords: number;
}

// The loops take four pixels or eight rows at a time: there is room for as many.
function layOut(source: PictureSize, resampling: Resampling | undefined): Layout {
  let end = 0;
  const take = (numBytes: number): number => {
    const start = end;
    end = wholeVectors(start + numBytes + SLACK_BYTES);
    return start;
  };
  const pixels = take(source.width * (source.height + 1) * NUM_CHANNELS); // a row without weight may follow
  if (resampling === undefined) return { source, pixels, work: undefined, end };
  const { rows, columns, width } = resampling;
  const numRows = wholeEights(rows.starts.length);
  const numColumns = wholeEights(columns.starts.length);
  const pitch = wholeVectors(columns.starts.length * NUM_CHANNELS);
  const work = {
    resampling,
    pitch,
    result: take(numRows * pitch),
    sums: take(wholeVectors(width * NUM_CHANNELS) * ROWS_AT_ONCE * Int16Array.BYTES_PER_ELEMENT),
    bytes: take((pitch + VECTOR_BYTES) * ROWS_AT_ONCE),
    rowStarts: take(numRows * Int32Array.BYTES_PER_ELEMENT),
    rowCounts: take(numRows * Int32Array.BYTES_PER_ELEMENT),
    rowWeights: take(numRows * rows.numTaps * Int16Array.BYTES_PER_ELEMENT),
    rowWords: take(numRows * rows.numTaps * Int32Array.BYTES_PER_ELEMENT),
    columnStarts: take(numColumns * Int32Array.BYTES_PER_ELEMENT),
    columnWeights: take(numColumns * columns.numTaps * Int16Array.BYTES_PER_ELEMENT),
    columnWords: take(numColumns * columns.numTaps * Int32Array.BYTES_PER_ELEMENT),
  };
  return { source, pixels, work, end };
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

  /** What is made of the picture. */
  resample(): RgbPixels {
    const { work } = this.#layout;
    if (work === undefined) return this.source;
    const { rows, columns, loop } = work.resampling;
    this.#putWeights(work);
    if (loop === "quick") this.#blendEights(work);
    else this.#blend(work);
    const size = { width: columns.starts.length, height: rows.starts.length };
    return { ...size, data: this.#view(work.result, size) };
  }

  #view(offset: number, { width, height }: PictureSize): Uint8Array {
    return this.#bytes.subarray(offset, offset + width * height * NUM_CHANNELS);
  }

  #putWeights(work: WorkLayout): void {
    const { columns: ofColumns, rows: ofRows } = work.resampling;
    const rows = lineBytes(ofRows, {
      step: this.#rowBytes,
      numLines: wholeEights(ofRows.starts.length),
    });
    const columns = lineBytes(ofColumns, {
      step: NUM_CHANNELS,
      numLines: wholeEights(ofColumns.starts.length),
    });
    this.#bytes.set(rows.starts, work.rowStarts);
    this.#bytes.set(rows.counts, work.rowCounts);
    this.#bytes.set(rows.weights, work.rowWeights);
    this.#bytes.set(columns.starts, work.columnStarts);
    this.#bytes.set(columns.weights, work.columnWeights);
  }

  #blend(work: WorkLayout): void {
    const { rows, columns, width } = work.resampling;
    this.#loops.resample(
      this.#first(work),
      this.#rowBytes,
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

  #blendEights(work: WorkLayout): void {
    const { rows, columns, width } = work.resampling;
    const [numRows, numColumns] = [rows.starts.length, columns.starts.length];
    this.#loops.resampleEights(
      this.#first(work),
      this.#rowBytes,
      width * NUM_CHANNELS,
      wholeEights(numRows),
      rows.numTaps,
      work.rowStarts,
      work.rowCounts,
      work.rowWeights,
      work.rowWords,
      work.sums,
      numColumns + (numColumns % 2),
      columns.mostTaps,
      columns.numTaps,
      work.columnStarts,
      work.columnWeights,
      work.columnWords,
      work.bytes,
      work.pitch,
      work.result,
    );
    const rowBytes = numColumns * NUM_CHANNELS;
    if (rowBytes === work.pitch) return;
    for (let y = 1; y < numRows; y += 1) {
      const from = work.result + y * work.pitch;
      this.#bytes.copyWithin(work.result + y * rowBytes, from, from + rowBytes);
    }
  }

  get #rowBytes(): number {
    return this.#layout.source.width * NUM_CHANNELS;
  }

  #first({ resampling: { left, top } }: WorkLayout): number {
    return this.#layout.pixels + top * this.#rowBytes + left * NUM_CHANNELS;
  }
}

function wholeEights(count: number): number {
  return Math.ceil(count / ROWS_AT_ONCE) * ROWS_AT_ONCE;
}

function wholeVectors(numBytes: number): number {
  return Math.ceil(numBytes / VECTOR_BYTES) * VECTOR_BYTES;
}

type InnerLoop = (...operands: readonly number[]) => void;

/** The functions of native/resample.c. */
interface InnerLoops {
  readonly resample: InnerLoop;
  readonly resampleEights: InnerLoop;
}

let compiled: WebAssembly.Module | undefined;

function instantiate(memory: WebAssembly.Memory): InnerLoops {
  const path = join(import.meta.dirname, "../../native/resample.wasm");
  compiled ??= new WebAssembly.Module(readFileSync(path));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return {
    resample: loopOf(exports, "resample"),
    resampleEights: loopOf(exports, "resampleEights"),
  };
}

function loopOf(exports: WebAssembly.Exports, name: string): InnerLoop {
  const loop = exports[name];
  if (typeof loop === "function") return (...operands) => void loop(...operands);
  throw new Error(`native/resample.wasm has no ${name}; it is not this version's`);
}
