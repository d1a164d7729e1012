// Our loader as a contestant of bench/loader-peers: `node ours.ts <JSON: the order>`.
import { join } from "node:path";

import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { LoaderOptions } from "../../src/loader/options.ts";
import type { SamplingOptions } from "../../src/loader/pictures/picture.ts";
import { jpegCodec } from "../../src/pixels/jpeg-codec.ts";
import { type Delivery, serve, touch } from "./serve.ts";

/** What our loader, or its decoder alone, is asked to deliver. */
export interface OurOrder extends SamplingOptions {
  readonly program: "ours" | "decode-loop";
  /** A random part of the picture instead of all of it. */
  readonly crop: boolean;
  readonly size: number;
  /** Pictures. */
  readonly batch: number;
  /** Of each picture, half of them its own; but one alone is its own. */
  readonly numTexts: 1 | 4;
  /** Whether the pictures are stored with seek tables; without them when not given. */
  readonly isSeekable?: boolean;
  /** Whether the decoder alone puts pictures where a ring of batches would have them; it drops them when not given. */
  readonly keepsBatches?: boolean;
}

/** An order with the place of its data. */
export interface PlacedOrder extends OurOrder {
  readonly data: string;
  readonly vocabulary: string;
}

if (import.meta.main) {
  const order: PlacedOrder = JSON.parse(process.argv[2] ?? "");
  await serve((numWorkers) => deliver(order, numWorkers), await ourVersions());
}

/** What our side is made of. */
export async function ourVersions(): Promise<Readonly<Record<string, string>>> {
  const { name } = await jpegCodec();
  return { Node: process.version, "our JPEG decoder": name };
}

async function* deliver(order: PlacedOrder, numWorkers: number): AsyncGenerator<Delivery> {
  await using loader = await BatchLoader.open(optionsOf(order, numWorkers));
  for await (const { numPairs, numPictures, pixels, shape } of loader.batches({
    epoch: 0,
    step: 0,
  })) {
    const { pictureHeight, pictureWidth } = shape;
    const batch = `uint8 [${[numPictures, pictureHeight, pictureWidth, 3].join(", ")}]`;
    yield { numPictures, numPairs, level: touch(pixels), batch };
  }
}

function optionsOf(order: PlacedOrder, numWorkers: number): LoaderOptions {
  const {
    batch,
    crop,
    data,
    decoding,
    isSeekable = false,
    kernel,
    numTexts,
    size,
    vocabulary,
  } = order;
  return {
    sets: [{ folder: join(data, isSeekable ? "seekable-set" : "set"), splits: ["train"] }],
    vocabulary,
    seed: 1,
    batching: { kind: "pictures", picturesPerBatch: batch },
    grouping: "none",
    pairing: {
      kind: "matched-unmatched",
      matched: Math.ceil(numTexts / 2),
      unmatched: Math.floor(numTexts / 2),
    },
    text: { maxTokens: 40, longer: "cut" },
    pictures: { kind: "square", size, sampling: { kernel, decoding } },
    augment: {
      crop: crop ? { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } : "none",
      flip: "if-text-has-no-side-words",
      randAugment: null,
    },
    onDamage: "stop",
    mlmProbability: 0.15,
    rank: 0,
    worldSize: 1,
    numWorkers,
    // As many as a DataLoader has by default.
    prefetchBatches: Math.max(1, 2 * numWorkers),
  };
}
