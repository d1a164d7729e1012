import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Scene } from "../../src/core/records.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { Batch } from "../../src/loader/options.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";
import {
  contentOf,
  digest,
  type LoaderFixture,
  loaderFixture,
  NUM_SCENES,
  take,
} from "./loader-fixture.ts";
import { wholePixels } from "./decoded.ts";
import { drawnScenes } from "./shard-set-fixture.ts";

const MAX_TOKENS = 20;
let fixture: LoaderFixture;
let tokenizer: WordPieceTokenizer;
let scenes: Scene[];
beforeAll(async () => {
  fixture = await loaderFixture();
  tokenizer = await WordPieceTokenizer.fromFile(fixture.vocabulary);
  scenes = await drawnScenes(NUM_SCENES);
});
afterAll(() => fixture[Symbol.asyncDispose]());

interface Row {
  readonly ids: number[];
  readonly mask: number[];
  readonly labels: number[];
  readonly isMatched: boolean;
  /** The row as it was before masking. */
  readonly expected: number[];
  readonly length: number;
  readonly isOwn: boolean;
}

/** A pair of a batch beside what its text id says. */
function rowOf(batch: Batch, pairRow: number): Row {
  const part = (all: Int32Array): number[] =>
    Array.from(all.subarray(pairRow * MAX_TOKENS, (pairRow + 1) * MAX_TOKENS));
  const [scene = 0, textIndex = 0] = (batch.textIds[pairRow] ?? "").split("-").map(Number);
  const { cls, pad, separator } = tokenizer.specials;
  const text = scenes[scene]?.texts[textIndex]?.text ?? "";
  const tokens = [cls, ...tokenizer.encode(text), separator];
  return {
    ids: part(batch.tokenIds),
    mask: part(batch.tokenMask),
    labels: part(batch.mlmLabels),
    isMatched: batch.matched[pairRow] === 1,
    expected: [...tokens, ...Array.from({ length: MAX_TOKENS - tokens.length }, () => pad)],
    length: tokens.length,
    isOwn: batch.keys[batch.pictureOfPair[pairRow] ?? -1] === `coco:${scene}`,
  };
}

/** Rows of the first `numBatches` batches of an unaugmented stream. */
async function rows(numBatches: number): Promise<Row[]> {
  const collected: Row[] = [];
  await using loader = await BatchLoader.open(fixture.options({ augment: noAugmentation }));
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
    for (let row = 0; row < batch.numPairs; row += 1) collected.push(rowOf(batch, row));
    if (collected.length >= numBatches * batch.numPairs) break;
  }
  return collected;
}

describe("a batch", () => {
  it("has pairs of a picture side by side, matched ones first", async () => {
    await using loader = await BatchLoader.open(fixture.options());
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      const pairs = Array.from({ length: 32 }, (_, row) => row);
      expect(batch).toMatchObject({ numPictures: 8, numPairs: 32, numRealPictures: 8 });
      expect([...batch.pictureOfPair]).toEqual(pairs.map((row) => row >> 2));
      expect([...batch.matched]).toEqual(pairs.map((row) => (row % 4 < 2 ? 1 : 0)));
      break;
    }
  });

  it("holds the texts of its ids between [CLS] and [SEP], [MASK] apart", async () => {
    for (const row of await rows(6)) {
      const { mask } = tokenizer.specials;
      expect(row.isOwn).toBe(row.isMatched);
      expect(row.mask).toEqual(row.expected.map((_, place) => (place < row.length ? 1 : 0)));
      const restored = row.ids.map((id, place) =>
        row.labels[place] === -1 ? id : row.labels[place],
      );
      // Of unmatched texts the labels are not given, so the chosen tokens stay unknown.
      expect(row.isMatched ? restored : row.expected).toEqual(row.expected);
      const changed = row.ids.filter((id, place) => id !== mask && id !== row.expected[place]);
      expect(changed.length).toBeLessThan(5);
    }
  });

  it("M-1, I-5: never masks [CLS], [SEP] or padding, and predicts nothing on unmatched pairs", async () => {
    for (const { ids, labels, expected, length, isMatched } of await rows(12)) {
      const specialPlaces = [0, ...expected.keys().filter((place) => place >= length - 1)];
      expect(specialPlaces.map((place) => ids[place])).toEqual(
        specialPlaces.map((place) => expected[place]),
      );
      expect(specialPlaces.every((place) => labels[place] === -1)).toBe(true);
      expect(isMatched || labels.every((label) => label === -1)).toBe(true);
    }
  });

  it("masks matched and unmatched texts alike, so that masks do not tell them apart", async () => {
    const all = await rows(60);
    const shares = [true, false].map((isMatched) => {
      const alike = all.filter((row) => row.isMatched === isMatched);
      const masked = alike.flatMap(({ ids }) => ids.filter((id) => id === tokenizer.specials.mask));
      return masked.length / alike.reduce((sum, { length }) => sum + length - 2, 0);
    });
    for (const share of shares) expect(Math.abs(share - 0.12)).toBeLessThan(0.02);
  });

  it("shows the pictures of its keys", async () => {
    await using loader = await BatchLoader.open(fixture.options({ augment: noAugmentation }));
    const numValues = 16 * 16 * 3;
    for await (const batch of loader.batches({ epoch: 3, step: 1 })) {
      for (const [row, key] of batch.keys.entries()) {
        const scene = scenes[Number(key.slice("coco:".length))];
        const pixels = await wholePixels(scene?.pictures[0]?.bytes ?? new Uint8Array(), 16);
        expect(batch.pixels.slice(row * numValues, (row + 1) * numValues)).toEqual(
          Uint8Array.from(pixels),
        );
      }
      break;
    }
  });

  it("pads a rank's share to equal shapes, with pairs that count for nothing", async () => {
    await using loader = await BatchLoader.open(fixture.options({ rank: 0, worldSize: 3 }));
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      expect(batch).toMatchObject({ numPictures: 3, numPairs: 12, numRealPictures: 2 });
      expect(batch.keys).toHaveLength(2);
      expect(batch.textIds).toHaveLength(8);
      expect([...batch.matched.subarray(8)]).toEqual([-1, -1, -1, -1]);
      expect([...batch.mlmLabels.subarray(8 * MAX_TOKENS)].every((label) => label === -1)).toBe(
        true,
      );
      expect(
        [...batch.tokenMask.subarray(8 * MAX_TOKENS, 9 * MAX_TOKENS)].filter(Boolean),
      ).toHaveLength(2);
      expect(batch.pixels.subarray(2 * 16 * 16 * 3).every((value) => value === 0)).toBe(true);
      break;
    }
  });

  it("lies in a ring of prefetchBatches + 1 pieces of shared memory", async () => {
    await using loader = await BatchLoader.open(
      fixture.options({ numWorkers: 1, prefetchBatches: 2 }),
    );
    const memories = new Set<unknown>();
    let numBatches = 0;
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      memories.add(batch.pixels.buffer);
      expect(batch.tokenIds.buffer).toBe(batch.pixels.buffer);
      numBatches += 1;
      if (numBatches === 12) break;
    }
    expect(memories.size).toBe(3);
    expect(loader.statistics).toMatchObject({ numBatches: 12 });
    expect(loader.statistics.buildMs).toBeGreaterThan(0);
    expect(loader.statistics.longestWaitMs).toBeLessThanOrEqual(loader.statistics.waitMs);
  });

  it("stays untouched until the next one is asked for", async () => {
    await using loader = await BatchLoader.open(
      fixture.options({ numWorkers: 2, prefetchBatches: 3 }),
    );
    let numBatches = 0;
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      const before = digest([contentOf(batch)]);
      await using other = await BatchLoader.open(fixture.options());
      await take(other, { epoch: 0, step: 0 }, 2);
      expect(digest([contentOf(batch)])).toBe(before);
      numBatches += 1;
      if (numBatches === 4) break;
    }
  });
});
