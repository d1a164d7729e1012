import { picturesPerSample } from "../batch-shape.ts";
import { BatchComposer } from "../batching/batch-composer.ts";
import { collateBatch, type CollateContext } from "../collate.ts";
import { usualPictureBytes } from "../pictures/picture-sizes.ts";
import { PixelCache } from "../pictures/pixel-cache.ts";
import { ReadMemory } from "../pictures/read-memory.ts";
import { SampleSource } from "../sample-source.ts";
import { WordPieceTokenizer } from "../text/word-piece.ts";
import { faultOf } from "./thread-faults.ts";
import type { BuildOutcome, SlotJob, ThreadData, WorkerStart } from "./worker-messages.ts";

// Per thread; 51 photographs at 112 px take 2 MB, 10,000 of the small world's at 64 px take 123 MB.
const KEPT_PIXEL_BYTES = 128 * 2 ** 20;

/** Builds batches into the ring's slots, on the thread it lives on; one at a time, in the order asked for. */
export class BatchBuilder implements AsyncDisposable {
  readonly #source: SampleSource;
  readonly #context: CollateContext;
  readonly #slots: readonly SharedArrayBuffer[];
  readonly #isBuilt: Int32Array;
  readonly #stopping = new AbortController();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    source: SampleSource,
    context: CollateContext,
    { isBuilt, slots }: WorkerStart,
  ) {
    this.#source = source;
    this.#context = context;
    this.#slots = slots;
    this.#isBuilt = isBuilt;
  }

  static async open(
    start: WorkerStart,
    vocabulary: Promise<WordPieceTokenizer> = vocabularyOf(start.options),
  ): Promise<BatchBuilder> {
    const { options } = start;
    const tokenizer = await vocabulary;
    const { chains, listed, table } = start;
    const { excluded } = options;
    const picturesPerScene = picturesPerSample(options.pairing);
    const rules = { chains, excluded, table, picturesPerScene };
    const samples = await SampleSource.ofListed(listed, rules);
    const composer = new BatchComposer(start);
    const wholePictures = new PixelCache({
      numPictures: samples.numSamples * picturesPerScene,
      pictureBytes: usualPictureBytes(options.pictures),
      maxBytes: options.keptPixelBytes ?? KEPT_PIXEL_BYTES,
    });
    const readMemory = new ReadMemory();
    const context = { samples, tokenizer, options, composer, wholePictures, readMemory };
    return new BatchBuilder(samples, context, start);
  }

  /** Never rejects: what went wrong is in the outcome. */
  build(job: SlotJob): Promise<BuildOutcome> {
    const outcome = this.#last.then(() => this.#build(job));
    this.#last = outcome;
    return outcome;
  }

  /** Stops after the pictures in hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort(new Error("the loader was closed"));
    await this.#last;
    await this.#source[Symbol.asyncDispose]();
  }

  async #build(job: SlotJob): Promise<BuildOutcome> {
    const startMs = performance.now();
    const memory = this.#slots[job.slot];
    try {
      if (memory === undefined) throw new RangeError(`slot ${job.slot} of ${this.#slots.length}`);
      const batch = await collateBatch(job, memory, {
        context: this.#context,
        signal: this.#stopping.signal,
      });
      Atomics.add(this.#isBuilt, job.slot, 1);
      return { kind: "built", batch, buildMs: performance.now() - startMs };
    } catch (error) {
      return { kind: "failed", fault: faultOf(error) };
    }
  }
}

/** The tokenizer that a loader's options name. */
export function vocabularyOf({
  letterCase = "lower",
  vocabulary,
}: ThreadData): Promise<WordPieceTokenizer> {
  return WordPieceTokenizer.fromFile(vocabulary, { letterCase });
}
