import { asyncProperty, assert, boolean, constantFrom, integer, record } from "fast-check";
import { describe, expect, it } from "vitest";

import { RandomStream } from "../../../src/core/random.ts";
import { rankRows, rankShape } from "../../../src/loader/batch-shape.ts";
import { BatchComposer } from "../../../src/loader/batching/batch-composer.ts";
import { emptyTable, TextNumbers } from "../../../src/loader/batching/scene-table.ts";
import { firstPicture } from "../../../src/loader/pairing/replaced-picture.ts";
import type { SampleKey } from "../../../src/loader/draws.ts";
import { captionLength, composing, epochOf, madeTable } from "./composing.ts";

const nameOf = ({ epoch, sampleIndex, textIndex }: SampleKey): string =>
  `${epoch}/${sampleIndex}/${textIndex}`;

const picture = { height: 4, width: 4 };
const uniter = { kind: "tokens", maxTokens: 10_240, multipleOf: 8, bucketSize: 8192 } as const;

describe("batches of any configuration", () => {
  // G21: 5,000 of them, each over all its ranks.
  it("D-8: are equally many and equally shaped on all ranks, whose rows are a partition of the samples", async () => {
    await assert(
      asyncProperty(
        record({
          numScenes: integer({ min: 1, max: 400 }),
          worldSize: integer({ min: 1, max: 11 }),
          picturesPerBatch: integer({ min: 1, max: 40 }),
          epoch: integer({ min: 0, max: 1000 }),
        }),
        async ({ epoch, numScenes, picturesPerBatch, worldSize }) => {
          const options = composing({
            batching: { kind: "pictures", picturesPerBatch: picturesPerBatch + worldSize },
            worldSize,
          });
          const sets = [{ numScenes, weight: undefined }];
          const composer = new BatchComposer({ options, sets, table: emptyTable });
          const batches = await epochOf(composer, epoch);
          const size = picturesPerBatch + worldSize;
          const shape = rankShape({ numSamples: size, textTokens: 3, picture }, options);
          const numMasked = Array.from({ length: worldSize }, (_, rank) => {
            const { end, start } = rankRows(size, { rank, worldSize });
            return { start, end, masked: shape.numPictures - (end - start) };
          });
          // Neighbouring slices from the first row to the last; the rest of a rank's rows, at most one, is masked.
          const cuts = [0, ...numMasked.map(({ end }) => end)];
          expect(numMasked.map(({ start }) => start)).toEqual(cuts.slice(0, -1));
          expect(cuts.at(-1)).toBe(size);
          expect(numMasked.every(({ masked }) => masked === 0 || masked === 1)).toBe(true);
          const seen = new Set(
            batches.flatMap(({ samples }) => samples.map(({ sampleIndex }) => sampleIndex)),
          );
          const { numBatches, numDropped } = await composer.epochPlan(epoch);
          expect([numBatches, numDropped]).toEqual([
            Math.floor(numScenes / size),
            numScenes % size,
          ]);
          expect(seen.size).toBe(batches.length * size);
          expect(batches.every(({ samples }) => samples.length === size)).toBe(true);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it("of tokens, weights and aspects hold each sample once a pass, whatever the sizes", async () => {
    await assert(
      asyncProperty(
        record({
          numScenes: integer({ min: 40, max: 300 }),
          multipleOf: constantFrom(1, 2, 4, 8),
          buckets: integer({ min: 1, max: 12 }),
          isGrouped: boolean(),
          isTokens: boolean(),
        }),
        async ({ buckets, isGrouped, isTokens, multipleOf, numScenes }) => {
          const table = madeTable(numScenes, numScenes);
          const bucketSize = multipleOf * buckets * 3;
          const options = composing({
            batching: isTokens
              ? { kind: "tokens", maxTokens: 600, multipleOf, bucketSize }
              : { kind: "pictures", picturesPerBatch: multipleOf },
            grouping: isGrouped ? "aspect" : "none",
          });
          const sets = [{ numScenes, weight: undefined }];
          const composer = new BatchComposer({ options, sets, table });
          const names = (await epochOf(composer, 3)).flatMap(({ samples }) => samples.map(nameOf));
          expect(new Set(names).size).toBe(names.length);
          const { numDropped } = await composer.epochPlan(3);
          expect(names.length + numDropped).toBe(isTokens ? table.textLengths.length : numScenes);
          expect(numDropped).toBeLessThan(2 * multipleOf);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("token batches", () => {
  const table = madeTable(9000);
  const sets = [{ numScenes: 9000, weight: undefined }];
  const composer = new BatchComposer({ options: composing({ batching: uniter }), sets, table });

  it.each([
    // Texts alone, 13 tokens on average: some 700 a batch, eleven batches a bucket.
    { tokensPerPicture: 0, waste: 0.08 },
    // With 36 regions each, UNITER's number (G24).
    { tokensPerPicture: 36, waste: 0.05 },
  ])(
    "D-7: stay within the budget, padding included, in multiples of 8, with $tokensPerPicture tokens a picture",
    async ({ tokensPerPicture, waste }) => {
      const options = composing({ batching: { ...uniter, tokensPerPicture } });
      const numbers = new TextNumbers(table.textCounts);
      const ofPictures = new BatchComposer({ options, sets, table });
      const limits = new Map(
        ofPictures.largestBatches().map((batch) => [batch.textTokens, batch.numSamples]),
      );
      let [tokens, padded] = [0, 0];
      for (const { samples, textTokens } of await epochOf(ofPictures, 0)) {
        const lengths = samples.map(
          ({ sampleIndex, textIndex = 0 }) =>
            table.textLengths[numbers.firstText(sampleIndex) + textIndex] ?? 0,
        );
        expect(Math.max(...lengths)).toBe(textTokens);
        expect((textTokens + tokensPerPicture) * samples.length).toBeLessThanOrEqual(10_240);
        expect(samples.length % 8).toBe(0);
        // Memory is laid out for so many.
        expect(samples.length).toBeLessThanOrEqual(limits.get(textTokens) ?? 0);
        tokens += lengths.reduce((sum, length) => sum + length + tokensPerPicture, 0);
        padded += (textTokens + tokensPerPicture) * samples.length;
      }
      expect(1 - tokens / padded).toBeLessThan(waste);
    },
  );

  it.each([0, 0.5, 1])(
    "D-7: stay within the budget by the regions of the pictures that are shown, %f of them another's",
    async (probability) => {
      const options = composing({
        batching: { ...uniter, tokensPerPicture: "regions" },
        pairing: { kind: "bernoulli", probability, replace: "picture" },
        regions: { maxRegions: 80, numFeatures: 2048 },
      });
      const numbers = new TextNumbers(table.textCounts);
      const split = [{ numScenes: 9000, weight: undefined, splitSizes: [4000, 5000] }];
      const ofRegions = new BatchComposer({ options, sets: split, table });
      const limits = new Map(
        ofRegions
          .largestBatches()
          .map((batch) => [`${batch.textTokens}/${batch.regionsPerPicture}`, batch.numSamples]),
      );
      let [tokens, padded, numReplaced, numSamples] = [0, 0, 0, 0];
      for (const batch of await epochOf(ofRegions, 0)) {
        const lengths = batch.samples.map((key) => {
          const range =
            key.sampleIndex < 4000 ? { first: 0, size: 4000 } : { first: 4000, size: 5000 };
          const shown = firstPicture(key, options.pairing, range);
          numReplaced += Number(shown !== key.sampleIndex);
          const text = numbers.firstText(key.sampleIndex) + (key.textIndex ?? 0);
          const regions = Math.min(80, table.regionCounts[shown] ?? 0);
          return { text: table.textLengths[text] ?? 0, regions };
        });
        const longest = Math.max(...lengths.map(({ regions, text }) => text + regions));
        expect(Math.max(...lengths.map(({ text }) => text))).toBe(batch.textTokens);
        expect(Math.max(...lengths.map(({ regions }) => regions))).toBe(batch.regionsPerPicture);
        expect(longest * lengths.length).toBeLessThanOrEqual(10_240);
        expect(lengths.length % 8).toBe(0);
        const limit = limits.get(`${batch.textTokens}/${batch.regionsPerPicture}`);
        expect(lengths.length).toBeLessThanOrEqual(limit ?? 0);
        tokens += lengths.reduce((sum, { regions, text }) => sum + text + regions, 0);
        padded += longest * lengths.length;
        numSamples += lengths.length;
      }
      // Four standard deviations of 27,000 coins.
      expect(Math.abs(numReplaced / numSamples - probability)).toBeLessThan(0.0125);
      expect(1 - tokens / padded).toBeLessThan(0.05);
    },
  );

  it("D-7: drop nothing but the epoch's last texts, fewer than 8 and other ones each epoch", async () => {
    const dropped = await Promise.all(
      [0, 1].map(async (epoch) => {
        const seen = new Set(
          (await epochOf(composer, epoch)).flatMap(({ samples }) =>
            samples.map((key) => `${key.sampleIndex}/${key.textIndex}`),
          ),
        );
        return table.textLengths.length - seen.size;
      }),
    );
    expect(dropped).toEqual([table.textLengths.length % 8, table.textLengths.length % 8]);
  });

  it("come in mixed order of length", async () => {
    const lengths = (await epochOf(composer, 0)).map(({ textTokens }) => textTokens);
    const descents = lengths.filter((length, place) => length > (lengths[place + 1] ?? Infinity));
    expect(descents.length / lengths.length).toBeGreaterThan(0.3);
    expect(descents.length / lengths.length).toBeLessThan(0.7);
  });

  it("leave out texts that are too long, where the options drop them", async () => {
    const text = { maxTokens: 14, longer: "drop" } as const;
    const short = new BatchComposer({
      options: composing({ batching: uniter, text }),
      sets,
      table,
    });
    expect(short.numSamples).toBe(table.textLengths.filter((length) => length <= 14).length);
    for (const { textTokens } of await epochOf(short, 0))
      expect(textTokens).toBeLessThanOrEqual(14);
  });

  it("are composed alike one by one, from any place", async () => {
    const options = composing({ batching: { ...uniter, bucketSize: 512 } });
    const whole = await epochOf(new BatchComposer({ options, sets, table }), 2);
    const alone = new BatchComposer({ options, sets, table });
    const plan = await alone.epochPlan(2);
    for (const batchIndex of [plan.numBatches - 1, 0, 57, 56, 3]) {
      expect(alone.compose(2, batchIndex, plan.place(batchIndex))).toEqual(whole[batchIndex]);
    }
  });
});

describe("aspect groups", () => {
  it("hold landscape or portrait pictures alone, spread evenly over the epoch", async () => {
    const table = madeTable(3000);
    const options = composing({ grouping: "aspect" });
    const sets = [{ numScenes: 3000, weight: undefined }];
    const batches = await epochOf(new BatchComposer({ options, sets, table }), 5);
    const kinds = batches.map(({ samples }) => {
      const portraits = samples.map(({ sampleIndex }) => table.portrait[sampleIndex]);
      expect(new Set(portraits).size).toBe(1);
      return portraits[0] ?? 0;
    });
    const share = kinds.reduce((sum, kind) => sum + kind, 0) / kinds.length;
    for (let end = 1; end <= kinds.length; end += 1) {
      const portraits = kinds.slice(0, end).reduce((sum, kind) => sum + kind, 0);
      expect(Math.abs(portraits - share * end)).toBeLessThan(1);
    }
  });
});

describe("weighted sets", () => {
  const sets = [
    { numScenes: 533, weight: 1 },
    { numScenes: 5060, weight: 1 },
  ];

  it("D-9: are drawn half and half although one is 9.5 times larger (UNITER)", async () => {
    const options = composing({ batching: { kind: "pictures", picturesPerBatch: 10 } });
    const composer = new BatchComposer({ options, sets, table: emptyTable });
    const passes = new Map<string, number>();
    for (let epoch = 0; epoch < 4; epoch += 1) {
      for (const { samples } of await epochOf(composer, epoch)) {
        expect(samples.filter(({ sampleIndex }) => sampleIndex < 533)).toHaveLength(5);
        for (const key of samples) passes.set(nameOf(key), (passes.get(nameOf(key)) ?? 0) + 1);
      }
    }
    // Each visit of a sample has a number of its own: its draws are never those of another visit.
    expect([...passes.values()].every((times) => times === 1)).toBe(true);
    const smallVisits = [...passes.keys()].filter((name) => Number(name.split("/")[1]) < 533);
    expect(smallVisits.length).toBe(4 * 5 * Math.floor(5593 / 10));
  });

  it("D-9: are drawn by size without weights, in one pass through all", async () => {
    const options = composing({ batching: { kind: "pictures", picturesPerBatch: 7 } });
    const bySize = sets.map(({ numScenes }) => ({ numScenes, weight: undefined }));
    const composer = new BatchComposer({ options, sets: bySize, table: emptyTable });
    const seen = (await epochOf(composer, 3)).flatMap(({ samples }) => samples);
    expect(seen).toHaveLength(533 + 5060);
    expect(new Set(seen.map(({ sampleIndex }) => sampleIndex)).size).toBe(533 + 5060);
  });

  it("go through all of their own samples before any comes again", async () => {
    const options = composing({ batching: { kind: "pictures", picturesPerBatch: 1 } });
    const composer = new BatchComposer({ options, sets, table: emptyTable });
    const small = (await epochOf(composer, 0))
      .flatMap(({ samples }) => samples)
      .filter(({ sampleIndex }) => sampleIndex < 533);
    for (let pass = 0; (pass + 1) * 533 <= small.length; pass += 1) {
      const ofPass = small.slice(pass * 533, (pass + 1) * 533);
      expect(new Set(ofPass.map(({ sampleIndex }) => sampleIndex)).size).toBe(533);
      expect(ofPass.every(({ epoch }) => epoch === pass)).toBe(true);
    }
  });

  it("keep their shares with token batches and aspect groups", async () => {
    const table = madeTable(5593);
    const options = composing({
      batching: { ...uniter, bucketSize: 1024 },
      grouping: "aspect",
    });
    const composer = new BatchComposer({ options, sets, table });
    let [fromSmall, total] = [0, 0];
    for (const { samples } of await epochOf(composer, 0)) {
      fromSmall += samples.filter(({ sampleIndex }) => sampleIndex < 533).length;
      total += samples.length;
    }
    expect(Math.abs(fromSmall / total - 0.5)).toBeLessThan(1e-3);
  });
});

describe("lengths of captions", () => {
  it("are about those of COCO's, so that the padding measured here means something", () => {
    const draws = new RandomStream(3);
    const lengths = Array.from({ length: 10_000 }, () => captionLength(draws));
    const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
    expect(mean).toBeGreaterThan(12);
    expect(mean).toBeLessThan(15);
  });
});
