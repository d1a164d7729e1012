import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { LoaderOptions } from "../../src/loader/options.ts";
import { type LoaderFixture, loaderFixture } from "./loader-fixture.ts";

const NUM_EPOCHS = 3;

let fixture: LoaderFixture;
beforeAll(async () => {
  fixture = await loaderFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** How many batches a stream gives before each of the first epochs and behind them. */
async function streamedStarts(loader: BatchLoader): Promise<number[]> {
  const starts: number[] = [];
  let numBatches = 0;
  for await (const { epoch } of loader.batches({ epoch: 0, step: 0 })) {
    if (epoch === starts.length) starts.push(numBatches);
    if (epoch === NUM_EPOCHS) break;
    numBatches += 1;
  }
  return starts;
}

const tokens: Partial<LoaderOptions> = {
  batching: { kind: "tokens", maxTokens: 96, multipleOf: 2, bucketSize: 20 },
  pairing: { kind: "bernoulli", probability: 0.5, replace: "picture" },
};

describe("the number of batches before an epoch", () => {
  it.each([
    ["pictures", {}],
    ["tokens", tokens],
  ])("is what a stream gives until then, with batches of %s", async (_kind, changes) => {
    await using loader = await BatchLoader.open(fixture.options(changes));
    const epochs = Array.from({ length: NUM_EPOCHS + 1 }, (_, epoch) => epoch);
    const counted = await Promise.all(epochs.map((epoch) => loader.numBatchesBefore(epoch)));
    expect(counted[1]).toBeGreaterThan(2);
    expect(counted).toEqual(await streamedStarts(loader));
  });
});
