import { sampleDraws } from "../draws.ts";
import type { LoaderOptions } from "../options.ts";
import { epochOrder, permutation } from "../order.ts";
import { drawView } from "../pictures/augment.ts";
import type { ViewOptions } from "../pictures/picture.ts";
import { shownSize } from "../pictures/picture-sizes.ts";
import type { SampleSource } from "../sample-source.ts";
import { percentile } from "./percentile.ts";

/** A picture as the loader would decode it. */
export interface PictureToDecode {
  readonly bytes: Uint8Array;
  readonly options: ViewOptions;
}

/** How fast samples were read and checked, one after the other, nothing else being done. */
export interface ReadingRate {
  readonly numPictures: number;
  /** Of the stored pictures. */
  readonly sizeBytes: number;
  readonly bytesPerSecond: number;
  readonly picturesPerSecond: number;
  /** Of one sample: what its shard says of it, and its picture. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

// Enough to stand for a set, and more than a processor's caches hold: the loader finds no picture there either.
const MAX_PICTURES = 512;
const MAX_BYTES = 64e6;

/** Reads the first pictures of epoch 0 in the order of that epoch, for at most so many seconds. */
export async function readPictures(
  source: SampleSource,
  options: Pick<LoaderOptions, "seed" | "augment" | "pictures">,
  limits: { readonly seconds: number; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly pictures: readonly PictureToDecode[]; readonly rate: ReadingRate }> {
  const at = permutation(epochOrder(source.numSamples, { seed: options.seed, epoch: 0 }));
  const pictures: PictureToDecode[] = [];
  const timesMs: number[] = [];
  const startMs = performance.now();
  const maxPictures = Math.min(MAX_PICTURES, source.numSamples);
  let sizeBytes = 0;
  while (pictures.length < maxPictures && sizeBytes < MAX_BYTES) {
    limits.signal?.throwIfAborted();
    const beganMs = performance.now();
    if (pictures.length > 0 && beganMs - startMs > 1000 * limits.seconds) break;
    const picture = await readPicture(source, at(pictures.length), options);
    timesMs.push(performance.now() - beganMs);
    pictures.push(picture);
    sizeBytes += picture.bytes.length;
  }
  return { pictures, rate: rateOf(timesMs, sizeBytes) };
}

async function readPicture(
  source: SampleSource,
  sampleIndex: number,
  { augment, pictures, seed }: Pick<LoaderOptions, "seed" | "augment" | "pictures">,
): Promise<PictureToDecode> {
  const head = await source.head(sampleIndex);
  const stored = await source.pictureBytes(sampleIndex, 0);
  // All threads that decode see the same memory.
  const bytes = new Uint8Array(new SharedArrayBuffer(stored.length));
  bytes.set(stored);
  const [info] = head.pictures;
  if (info === undefined) throw new RangeError(`${head.sceneKey} has no picture`);
  const key = { seed, epoch: 0, sampleIndex };
  const { crop } = drawView(info, sampleDraws("augmentation", key), augment);
  const view = { crop, mirrored: false };
  const { height, orientation, width } = info;
  const picture = { height, orientation, width };
  const sampling = pictures.kind === "none" ? undefined : pictures.sampling;
  return {
    bytes,
    options: { picture, view, shown: shownSize(pictures, info, view), sampling },
  };
}

function rateOf(timesMs: readonly number[], sizeBytes: number): ReadingRate {
  const seconds = timesMs.reduce((sum, time) => sum + time, 0) / 1000;
  return {
    numPictures: timesMs.length,
    sizeBytes,
    bytesPerSecond: sizeBytes / seconds,
    picturesPerSecond: timesMs.length / seconds,
    p50Ms: percentile(timesMs, 0.5),
    p99Ms: percentile(timesMs, 0.99),
  };
}
