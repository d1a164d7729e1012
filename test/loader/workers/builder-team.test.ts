import { assert, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import { type BuiltBatch, rowsOfPart } from "../../../src/loader/collating/joined-parts.ts";
import type { Batch } from "../../../src/loader/options.ts";
import { BuilderTeam } from "../../../src/loader/workers/builder-team.ts";
import type { Builder } from "../../../src/loader/workers/builder-thread.ts";
import type { BuildOutcome, SlotJob } from "../../../src/loader/workers/worker-messages.ts";
import { loaderFixture } from "../loader-fixture.ts";

const job: SlotJob = {
  slot: 0,
  epoch: 0,
  batchIndex: 0,
  place: { pool: 0, bucket: 0, index: 0 },
};

const shape: BuiltBatch["shape"] = {
  numPictures: 4,
  textsPerPicture: 1,
  textTokens: 8,
  pictureHeight: 1,
  pictureWidth: 1,
  regionsPerPicture: 0,
  featuresPerRegion: 0,
  classesPerRegion: 0,
  hasTextBoxes: false,
  hasRegionMasks: false,
};

function built(number: number): BuildOutcome {
  const skipped = { sampleIndex: number, replacedBy: 9, fault: "", file: "", record: "" };
  return {
    kind: "built",
    buildMs: 10 + number,
    batch: {
      shape,
      keys: [`coco:${number}`],
      textIds: [`text ${number}`],
      statistics: {
        numRedraws: 1,
        numRepeats: 2,
        numCutTexts: 3,
        numDroppedTexts: 4,
        skipped: [skipped],
      },
      timings: { readMs: 1, decodeMs: 2, textMs: 3 },
    },
  };
}

function failed(message: string): BuildOutcome {
  const place = { errno: undefined, file: undefined, record: undefined, remedy: undefined };
  const fault = { name: "Error", message, stack: undefined, cause: undefined, ...place };
  return { kind: "failed", fault };
}

/** Builders that answer by their number, the last of them first. */
function team(outcomes: readonly BuildOutcome[]): { team: BuilderTeam; jobs: SlotJob[][] } {
  const jobs: SlotJob[][] = outcomes.map(() => []);
  const builders = outcomes.map((outcome, number): Builder => {
    const build = async (given: SlotJob): Promise<BuildOutcome> => {
      jobs[number]?.push(given);
      for (let turn = number; turn < outcomes.length; turn += 1) await Promise.resolve();
      return outcome;
    };
    return { build, [Symbol.asyncDispose]: () => Promise.resolve() };
  });
  return { team: new BuilderTeam(builders), jobs };
}

describe("a loader's builders", () => {
  it("take turns", async () => {
    const { jobs, team: builders } = team([built(0), built(1)]);
    const asked = [builders.build(job), builders.build(job), builders.build(job)];
    expect(asked.map(({ builder }) => builder)).toEqual([0, 1, 0]);
    expect(jobs).toEqual([[job, job], [job]]);
    expect(await asked[1]?.outcome).toEqual(built(1));
  });

  it("build a batch together, each its part, and join the parts in their order", async () => {
    const { jobs, team: builders } = team([built(0), built(1), built(2)]);
    const { numParts, outcome } = builders.buildTogether(job);
    expect(numParts).toBe(3);
    expect(jobs.flat().map(({ part }) => part)).toEqual(
      [0, 1, 2].map((index) => ({ index, numParts: 3 })),
    );
    const joined = await outcome;
    if (joined.kind === "failed") throw new Error(joined.fault.message);
    expect(joined.buildMs).toBe(12);
    expect(joined.batch.keys).toEqual(["coco:0", "coco:1", "coco:2"]);
    expect(joined.batch.textIds).toEqual(["text 0", "text 1", "text 2"]);
    expect(joined.batch.timings).toEqual({ readMs: 3, decodeMs: 6, textMs: 9 });
    const { skipped, ...counts } = joined.batch.statistics;
    expect(counts).toEqual({ numRedraws: 3, numRepeats: 6, numCutTexts: 9, numDroppedTexts: 12 });
    expect(skipped.map(({ sampleIndex }) => sampleIndex)).toEqual([0, 1, 2]);
  });

  it("tell the first fault in the batch's order, whichever came first", async () => {
    const { team: builders } = team([built(0), failed("row 5"), failed("row 9")]);
    expect(await builders.buildTogether(job).outcome).toEqual(failed("row 5"));
  });

  it("have parts that hold each row once, and about as many", () => {
    assert(
      property(integer({ min: 0, max: 300 }), integer({ min: 1, max: 40 }), (numRows, numParts) => {
        const sizes: number[] = [];
        let next = 0;
        for (let index = 0; index < numParts; index += 1) {
          const { end, first } = rowsOfPart(numRows, { index, numParts });
          expect(first).toBe(next);
          sizes.push(end - first);
          next = end;
        }
        expect(next).toBe(numRows);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("give the same first batch with all that is told of it, on a rank that has a padding row, too", async () => {
    await using fixture = await loaderFixture();
    const first = async (numWorkers: number): Promise<Partial<Batch>> => {
      const options = fixture.options({ numWorkers, worldSize: 3, rank: 0 });
      await using loader = await BatchLoader.open(options);
      for await (const batch of loader.batches({ epoch: 0, step: 1 }))
        return structuredClone(batch);
      throw new Error("a stream without batches");
    };
    const alone = await first(0);
    expect(alone.numRealPictures).toBe(2);
    expect(alone.numPictures).toBe(3);
    expect(await first(3)).toEqual(alone);
  });
});
