import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { StreamPosition } from "../../src/loader/batching/epoch-cursor.ts";
import type { Batch, LoaderOptions } from "../../src/loader/options.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { type BatchTask, taskOf } from "../../src/loader/tasks.ts";
import { boxedScenes, firstRegions, numClasses, numFeatures } from "./boxed-scenes.ts";
import { chiSquare, chiSquareLimit } from "./chi-square.ts";
import { globalBatches } from "./global-batches.ts";
import { type LoaderFixture, loaderFixture } from "./loader-fixture.ts";
import { temporaryFolder, writeSet } from "./shard-set-fixture.ts";

const matched = { kind: "bernoulli", probability: 0, replace: "picture" } as const;
const either = { kind: "bernoulli", probability: 0.5, replace: "picture" } as const;
/** UNITER's released ratios for COCO. */
const itm: BatchTask = {
  name: "itm",
  ratio: 2,
  pairing: either,
  mlmProbability: 0,
  regionMaskProbability: 0,
};
const mlm: BatchTask = { ...itm, name: "mlm", pairing: matched, mlmProbability: 0.15 };
const mrfr: BatchTask = {
  ...mlm,
  name: "mrfr",
  ratio: 1,
  mlmProbability: 0,
  regionMaskProbability: 0.15,
};
const tasks: readonly BatchTask[] = [itm, mlm, mrfr, { ...mrfr, name: "mrc-kl" }];
const both: BatchTask = { ...mlm, name: "both", regionMaskProbability: 0.15 };

let fixture: LoaderFixture;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let options: LoaderOptions;
beforeAll(async () => {
  [fixture, folder] = await Promise.all([loaderFixture(), temporaryFolder()]);
  process.env["CROSSWEAVE_CACHE"] = join(folder.path, "cache");
  // Pictures with one to three regions.
  const scenes = (await boxedScenes(40)).map((scene, index) => ({
    ...scene,
    regions: scene.regions?.map((regions) => firstRegions(regions, 1 + (index % 3))) ?? null,
  }));
  await writeSet(join(folder.path, "set"), scenes);
  options = fixture.options({
    sets: [{ folder: join(folder.path, "set"), splits: ["train"] }],
    batching: {
      kind: "tokens",
      maxTokens: 240,
      multipleOf: 4,
      bucketSize: 32,
      tokensPerPicture: "regions",
    },
    pairing: either,
    pictures: { kind: "none" },
    regions: { maxRegions: 3, numFeatures, numClasses },
    augment: noAugmentation,
    mlmRules: { selection: "at-least-first-word", randomIds: "words" },
    tasks,
  });
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** What a batch says of its pairs, by value. */
interface Seen {
  readonly task: string | null;
  readonly matched: readonly number[];
  readonly numWords: readonly number[];
  readonly numMaskedRegions: readonly number[];
  readonly numRegions: readonly number[];
  /** Masks and labels of words and regions, as a whole. */
  readonly masks: string;
  readonly numTokens: number;
}

function seenOf(batch: Batch): Seen {
  const { maskedRegions, mlmLabels, numPictures, shape, task, tokenIds } = batch;
  const { regionsPerPicture, textTokens } = shape;
  const perRow = (values: Int32Array, width: number, counts: (value: number) => boolean) =>
    Array.from(
      { length: numPictures },
      (_, row) => values.subarray(row * width, (row + 1) * width).filter(counts).length,
    );
  return {
    task,
    matched: [...batch.matched],
    numWords: perRow(mlmLabels, textTokens, (label) => label >= 0),
    numMaskedRegions: perRow(maskedRegions, regionsPerPicture, (mask) => mask === 1),
    numRegions: [...batch.numRegions],
    masks: [tokenIds, mlmLabels, maskedRegions].map(String).join("|"),
    numTokens: (textTokens + regionsPerPicture) * numPictures,
  };
}

async function batchesOf(
  count: number,
  changes: Partial<LoaderOptions> = {},
  from: StreamPosition = { epoch: 0, step: 0 },
): Promise<Seen[]> {
  await using loader = await BatchLoader.open({ ...options, ...changes });
  const seen: Seen[] = [];
  for await (const batch of loader.batches(from)) {
    seen.push(seenOf(batch));
    if (seen.length === count) break;
  }
  return seen;
}

/** Of the first 300 batches of an epoch. */
function taskNames(epoch: number, taskGroup: number): (string | undefined)[] {
  return Array.from(
    { length: 300 },
    (_, batchIndex) => taskOf({ seed: 3, tasks, taskGroup }, { epoch, batchIndex })?.name,
  );
}

describe("the task of a batch", () => {
  it("D-9: comes in the tasks' ratios whatever came before, by chi-square at 100,000 draws", () => {
    const ratios = tasks.map(({ ratio }) => ratio);
    const counts = tasks.map(() => 0);
    const afterItm = tasks.map(() => 0);
    let before: BatchTask | undefined;
    for (let batchIndex = 0; batchIndex < 1e5; batchIndex += 1) {
      const task = taskOf({ seed: 3, tasks }, { epoch: 4, batchIndex });
      const place = tasks.findIndex((one) => one === task);
      counts[place] = (counts[place] ?? 0) + 1;
      if (before === itm) afterItm[place] = (afterItm[place] ?? 0) + 1;
      before = task;
    }
    for (const observed of [counts, afterItm]) {
      expect(chiSquare(observed, ratios)).toBeLessThan(chiSquareLimit(tasks.length - 1));
    }
  });

  it("D-9: is drawn once for each accumulation group, anew in each epoch", () => {
    const [alone, grouped] = [taskNames(0, 1), taskNames(0, 3)];
    expect(grouped).toEqual(alone.slice(0, 100).flatMap((name) => [name, name, name]));
    expect(taskNames(1, 3)).not.toEqual(grouped);
  });

  it("is one with a ratio, whatever the others are", () => {
    const some = [
      { ...itm, ratio: 0 },
      { ...mlm, ratio: 1e-3 },
      { ...mrfr, ratio: 0 },
    ];
    for (let batchIndex = 0; batchIndex < 100; batchIndex += 1) {
      expect(taskOf({ seed: 3, tasks: some }, { epoch: 0, batchIndex })?.name).toBe("mlm");
    }
    expect(taskOf({ seed: 3 }, { epoch: 0, batchIndex: 0 })).toBeUndefined();
  });
});

describe("batches of tasks", () => {
  it("M-8: mask words or regions or nothing, as their task says, never both", async () => {
    const batches = await batchesOf(60);
    expect(new Set(batches.map(({ task }) => task))).toEqual(
      new Set(["itm", "mlm", "mrfr", "mrc-kl"]),
    );
    for (const { matched: labels, numMaskedRegions, numRegions, numWords, task } of batches) {
      const masksRegions = task === "mrfr" || task === "mrc-kl";
      expect(numWords.every((count) => (task === "mlm" ? count > 0 : count === 0))).toBe(true);
      expect(numMaskedRegions.every((count) => (masksRegions ? count > 0 : count === 0))).toBe(
        true,
      );
      numMaskedRegions.forEach((count, row) =>
        expect(count).toBeLessThanOrEqual(numRegions[row] ?? 0),
      );
      expect(labels.includes(0) && task !== "itm").toBe(false);
    }
    const unmatched = batches.flatMap((batch) => batch.matched).filter((label) => label === 0);
    expect(unmatched.length).toBeGreaterThan(50);
  });

  it("M-8: mask both in the control, words and regions of the same samples", async () => {
    for (const { numMaskedRegions, numWords, task } of await batchesOf(4, { tasks: [both] })) {
      expect(task).toBe("both");
      expect(numWords.every((count) => count > 0)).toBe(true);
      expect(numMaskedRegions.every((count) => count > 0)).toBe(true);
    }
  });

  describe("M-9: masks depend on seed, epoch and sample alone", () => {
    const changes = { tasks: [mlm, mrfr, both], taskGroup: 2 };
    let expected: readonly string[];
    beforeAll(async () => {
      expected = (await batchesOf(9, changes)).map(({ masks }) => masks);
    });

    it.each([1, 2, 8])("M-9: are the same with %i workers", async (numWorkers) => {
      const seen = await batchesOf(9, { ...changes, numWorkers, prefetchBatches: numWorkers });
      expect(seen.map(({ masks }) => masks)).toEqual(expected);
    });

    it("M-9: are the same after a resume", async () => {
      const resumed = await batchesOf(4, changes, { epoch: 0, step: 5 });
      expect(resumed.map(({ masks }) => masks)).toEqual(expected.slice(5));
    });
  });

  it("hold the budget of tokens under every task", async () => {
    for (const { numTokens } of await batchesOf(60)) expect(numTokens).toBeLessThanOrEqual(240);
  });

  it("are the same for 1 and 3 ranks", async () => {
    const from = { epoch: 1, step: 1, count: 4 };
    const alone = { worldSize: 1, numWorkers: 0, prefetchBatches: 1 };
    const one = await globalBatches(options, alone, from);
    expect(await globalBatches(options, { ...alone, worldSize: 3 }, from)).toEqual(one);
  });

  it("are those of a stream without tasks where the only task is as its options", async () => {
    const from = { epoch: 0, step: 0, count: 4 };
    const run = { worldSize: 1, numWorkers: 0, prefetchBatches: 1 };
    const { tasks: _, ...plain } = { ...options, ...both };
    const { mlmProbability, pairing, regionMaskProbability } = both;
    const without = { ...plain, mlmProbability, pairing, regionMaskProbability };
    expect(await globalBatches({ ...options, tasks: [both] }, run, from)).toEqual(
      await globalBatches(without, run, from),
    );
  });
});

describe("batches without tasks", () => {
  it("name none and have no masks of regions, where none are asked for", async () => {
    const { tasks: _, ...without } = options;
    await using loader = await BatchLoader.open(without);
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
      expect(batch.task).toBeNull();
      expect(batch.maskedRegions).toHaveLength(0);
      expect(batch.shape.hasRegionMasks).toBe(false);
      break;
    }
  });
});

describe("unmatched pairs", () => {
  const tellingPairs: BatchTask = { ...both, pairing: either };

  it("I-5: have no words and no regions to predict (paper)", async () => {
    const rows = (await batchesOf(20, { tasks: [tellingPairs] })).flatMap(rowsOf);
    expect(rows.some(({ isMatched }) => !isMatched)).toBe(true);
    for (const { isMatched, numMaskedRegions, numWords } of rows) {
      expect([numWords > 0, numMaskedRegions > 0]).toEqual([isMatched, isMatched]);
    }
  });

  it("I-5: have both where all pairs are predicted (SOHO as released), with the same masks", async () => {
    const all = { tasks: [tellingPairs], predictedPairs: "all" } as const;
    const rows = (await batchesOf(20, all)).flatMap(rowsOf);
    expect(rows.some(({ isMatched }) => !isMatched)).toBe(true);
    expect(rows.every((row) => row.numWords > 0 && row.numMaskedRegions > 0)).toBe(true);
    const paper = (await batchesOf(20, { tasks: [tellingPairs] })).flatMap(rowsOf);
    const matchedRows = (of: typeof rows): typeof rows => of.filter(({ isMatched }) => isMatched);
    expect(matchedRows(rows)).toEqual(matchedRows(paper));
  });
});

function rowsOf({ matched: labels, numMaskedRegions, numWords }: Seen) {
  return labels.map((label, row) => ({
    isMatched: label === 1,
    numWords: numWords[row] ?? 0,
    numMaskedRegions: numMaskedRegions[row] ?? 0,
  }));
}
