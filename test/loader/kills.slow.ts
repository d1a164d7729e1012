import { expect, it } from "vitest";

import type { LoaderOptions } from "../../src/loader/options.ts";
import { faultsOfKilledRun, smallBatches } from "./kills.ts";
import { loaderFixture } from "./loader-fixture.ts";
import { temporaryFolder } from "./shard-set-fixture.ts";

const tokens: Partial<LoaderOptions> = {
  batching: { kind: "tokens", maxTokens: 320, multipleOf: 8, bucketSize: 32, tokensPerPicture: 4 },
  pairing: { kind: "bernoulli", probability: 0.5, replace: "picture" },
};

const keptRatio = { kind: "keep-ratio", shorter: 8, longer: 12 } as const;

it.each<{ mode: string; changes: Partial<LoaderOptions> }>([
  { mode: "pictures", changes: {} },
  { mode: "tokens", changes: tokens },
  { mode: "pictures that keep their ratio", changes: { pictures: keptRatio, grouping: "aspect" } },
])(
  "loses and repeats no sample of a stream of $mode when its process is killed 200 times (G9)",
  async ({ changes }) => {
    await using fixture = await loaderFixture();
    await using folder = await temporaryFolder();
    await using cache = await temporaryFolder();
    process.env["CROSSWEAVE_CACHE"] = cache.path;
    const options = fixture.options({
      numWorkers: 2,
      prefetchBatches: 4,
      ...smallBatches,
      ...changes,
    });
    const faults = await faultsOfKilledRun(folder.path, options, {
      numKills: 200,
      numBatches: 20_000,
    });
    expect(faults).toEqual([]);
  },
);
