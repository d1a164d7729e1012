import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ShardError } from "../../src/core/errors.ts";
import type { Scene } from "../../src/core/records.ts";
import {
  evaluationPairs,
  evaluationPictures,
  evaluationTexts,
} from "../../src/loader/evaluation.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";
import { ShardSetReader, type SplitReader } from "../../src/shards/shard-set-reader.ts";
import { type LoaderFixture, loaderFixture, NUM_SCENES } from "./loader-fixture.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { keepRatioSize } from "../../src/loader/pictures/view-geometry.ts";
import { boxedScenes, numClasses, numFeatures } from "./boxed-scenes.ts";
import { wholePixels } from "./decoded.ts";
import { drawnScenes, temporaryFolder, writeSet } from "./shard-set-fixture.ts";

let fixture: LoaderFixture;
let reader: ShardSetReader;
let split: SplitReader;
let tokenizer: WordPieceTokenizer;
let scenes: Scene[];
beforeAll(async () => {
  fixture = await loaderFixture();
  reader = await ShardSetReader.open(fixture.set);
  split = reader.split("train");
  tokenizer = await WordPieceTokenizer.fromFile(fixture.vocabulary);
  scenes = await drawnScenes(NUM_SCENES);
});
afterAll(async () => {
  await reader[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

const pictures = { kind: "square", size: 12 } as const;
const pictureArrays = [
  "pixels",
  "validHeights",
  "validWidths",
  "numRegions",
  "regionBoxes",
  "regionFeatures",
  "classProbabilities",
  "maskedRegions",
] as const;

describe("pictures for evaluation", () => {
  it("come in order, each once, whole", async () => {
    const found = await Array.fromAsync(evaluationPictures(split, { pictures }));
    expect(found.map(({ sceneIndex }) => sceneIndex)).toEqual([...scenes.keys()]);
    for (const { key, pictureIndex, pixels, sceneIndex } of found) {
      expect(`${key} ${pictureIndex}`).toBe(`coco:${sceneIndex} 0`);
      const stored = scenes[sceneIndex]?.pictures[0]?.bytes ?? new Uint8Array();
      expect(pixels).toEqual(await wholePixels(stored, 12));
    }
  });

  it("keep their ratio where asked to, in arrays as large as they are, rounded up", async () => {
    const kept = { kind: "keep-ratio", shorter: 16, longer: 26, padToMultipleOf: 8 } as const;
    for await (const picture of evaluationPictures(split, { pictures: kept })) {
      const { numPictures, pixels, shape, validHeights, validWidths } = picture;
      const [stored] = scenes[picture.sceneIndex]?.pictures ?? [];
      const { height, width } = keepRatioSize(stored ?? { height: 0, width: 0 }, kept);
      expect([numPictures, validHeights[0], validWidths[0]]).toEqual([1, height, width]);
      expect(shape.pictureHeight).toBe(Math.ceil(height / 8) * 8);
      expect(shape.pictureWidth).toBe(Math.ceil(width / 8) * 8);
      expect(pixels).toHaveLength(shape.pictureHeight * shape.pictureWidth * 3);
    }
  });

  it("carry the regions that a training batch has of them, and no pixels unless they are wanted", async () => {
    await using folder = await temporaryFolder();
    await writeSet(folder.path, await boxedScenes(8));
    await using set = await ShardSetReader.open(folder.path);
    const regions = { maxRegions: 4, numFeatures, numClasses };
    const options = { pictures: { kind: "none" }, regions } as const;
    const found = await Array.fromAsync(evaluationPictures(set.split("train"), options));
    await using loader = await BatchLoader.open(
      fixture.options({
        ...options,
        sets: [{ folder: folder.path, splits: ["train"] }],
        augment: noAugmentation,
      }),
    );
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      for (const [row, key] of batch.keys.entries()) {
        const picture = found.find((one) => one.key === key);
        for (const name of pictureArrays) {
          const length = batch[name].length / batch.numPictures;
          expect(picture?.[name]).toEqual(batch[name].slice(row * length, (row + 1) * length));
        }
        expect(picture?.shape).toMatchObject({ regionsPerPicture: 4, pictureHeight: 0 });
      }
      break;
    }
  });

  it("are refused without the regions that are asked for", async () => {
    const regions = { maxRegions: 4, numFeatures: 4 };
    const wanting = evaluationPictures(split, { pictures: { kind: "none" }, regions });
    await expect(Array.fromAsync(wanting)).rejects.toThrow("coco:0 has no region features");
  });

  it("may be left before the end", async () => {
    for await (const { sceneIndex } of evaluationPictures(split, { pictures })) {
      if (sceneIndex === 3) break;
    }
    const again = await Array.fromAsync(evaluationPictures(split, { pictures }));
    expect(again).toHaveLength(NUM_SCENES);
  });

  it("fail where a picture is damaged, and not before", async () => {
    const damaged = {
      numScenes: NUM_SCENES,
      head: (sceneIndex: number) => split.head(sceneIndex),
      regions: () => Promise.resolve(null),
      pictureBytes: (sceneIndex: number) =>
        sceneIndex === 5
          ? Promise.resolve(Buffer.from("no picture"))
          : split.pictureBytes(sceneIndex, 0),
    };
    const seen: number[] = [];
    const consume = async (): Promise<void> => {
      for await (const { sceneIndex } of evaluationPictures(damaged, { pictures })) {
        seen.push(sceneIndex);
      }
    };
    await expect(consume()).rejects.toThrow(ShardError);
    await expect(consume()).rejects.toThrow(
      /^coco:5: a stored picture of 10 bytes does not decode/,
    );
    expect(seen.slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
  });

  it("stop with the signal's reason", async () => {
    const reason = new Error("enough");
    const stopped = evaluationPictures(split, {
      pictures,
      signal: AbortSignal.abort(reason),
    });
    await expect(stopped.next()).rejects.toBe(reason);
  });
});

describe("texts for evaluation", () => {
  it("come in order with their scenes, unmasked", async () => {
    const texts = await Array.fromAsync(evaluationTexts(split, { tokenizer, maxTextTokens: 20 }));
    expect(texts).toHaveLength(NUM_SCENES * 5);
    const { cls, pad, separator } = tokenizer.specials;
    for (const [index, { sceneIndex, text, tokenIds, tokenMask }] of texts.entries()) {
      expect(sceneIndex).toBe(Math.floor(index / 5));
      expect(text).toEqual(scenes[sceneIndex]?.texts[index % 5]);
      const tokens = [cls, ...tokenizer.encode(text.text), separator];
      const padding = Array.from({ length: 20 - tokens.length }, () => pad);
      expect([...tokenIds]).toEqual([...tokens, ...padding]);
      expect([...tokenMask]).toEqual([...tokens.map(() => 1), ...padding.map(() => 0)]);
    }
  });

  it("are cut before [SEP] when they are too long", async () => {
    const [first] = await Array.fromAsync(evaluationTexts(split, { tokenizer, maxTextTokens: 5 }));
    const { cls, separator } = tokenizer.specials;
    const ids = tokenizer.encode(scenes[0]?.texts[0]?.text ?? "").slice(0, 3);
    expect([...(first?.tokenIds ?? [])]).toEqual([cls, ...ids, separator]);
  });
});

describe("pairs for evaluation", () => {
  it("are the same each time, two matched and two unmatched a picture", async () => {
    const pairing = { kind: "matched-unmatched", matched: 2, unmatched: 2 } as const;
    const options = { tokenizer, maxTextTokens: 20, pairing, seed: 9 };
    const pairs = await Array.fromAsync(evaluationPairs(split, options));
    expect(pairs).toHaveLength(NUM_SCENES * 4);
    for (const [index, { matched, sceneIndex, text }] of pairs.entries()) {
      expect(sceneIndex).toBe(Math.floor(index / 4));
      expect(matched).toBe(index % 4 < 2);
      expect(text.sceneIndex === sceneIndex).toBe(matched);
    }
    expect(await Array.fromAsync(evaluationPairs(split, options))).toEqual(pairs);
    const others = await Array.fromAsync(evaluationPairs(split, { ...options, seed: 10 }));
    expect(others).not.toEqual(pairs);
  });
});
