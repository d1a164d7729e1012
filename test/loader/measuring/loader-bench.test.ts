import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { ShardError } from "../../../src/core/errors.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { DecodeFloor } from "../../../src/loader/measuring/decode-floor.ts";
import { benchLoader, type LoaderBenchPlan } from "../../../src/loader/measuring/loader-bench.ts";
import { readPictures } from "../../../src/loader/measuring/read-pictures.ts";
import { noAugmentation } from "../../../src/loader/pictures/augment.ts";
import { SampleSource } from "../../../src/loader/sample-source.ts";
import { type LoaderFixture, loaderFixture, NUM_SCENES } from "../loader-fixture.ts";

const { signal } = new AbortController();
let fixture: LoaderFixture;
beforeAll(async () => {
  fixture = await loaderFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

function plan(changes: Partial<LoaderBenchPlan> = {}): LoaderBenchPlan {
  const options = fixture.options({ augment: noAugmentation });
  return { options, workerCounts: [1], seconds: 0.1, ...changes };
}

describe("the measurement of a loader", () => {
  it("feeds steps of which the loader is faster by a tenth, unless others are asked for", async () => {
    const { advice, loaders } = await benchLoader(plan(), { progress: silentProgress, signal });
    expect(advice.shortestStepMs).toBe(Math.ceil(1.1 * advice.batchMs));
    const [steps] = loaders.map((loader) => loader.steps.map(({ stepMs }) => stepMs));
    expect(steps).toEqual([advice.shortestStepMs]);
  });

  it("finds that steps are stalled which are too short to be fed", async () => {
    const tooShort = plan({ stepsMs: [1, 200], seconds: 0.2 });
    const { loaders } = await benchLoader(tooShort, { progress: silentProgress, signal });
    const [short, long] = loaders[0]?.steps ?? [];
    expect(short?.stallShare).toBeGreaterThan(0.3);
    expect(long?.stallShare).toBeLessThan(0.2);
  });

  it("reports each measurement and stops at the signal's reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const notes = new Set<string | undefined>();
    const progress = {
      say: () => {},
      report: ({ note }: { note?: string | undefined }) => {
        notes.add(note);
        if (note === "loading, 1 worker") controller.abort(reason);
      },
    };
    const measuring = benchLoader(plan(), { progress, signal: controller.signal });
    await expect(measuring).rejects.toBe(reason);
    expect([...notes]).toEqual([
      "reading",
      "decoding, 1 thread",
      expect.stringMatching(/^decoding, \d+ threads$/),
      "loading, 1 worker",
    ]);
  });
});

describe("the decode floor", () => {
  it("decodes what the loader would: the first pictures of its first epoch", async () => {
    await using source = await SampleSource.open(fixture.options().sets);
    const options = fixture.options();
    const { pictures, rate } = await readPictures(source, options, { seconds: 10 });
    expect(rate.numPictures).toBe(NUM_SCENES);
    expect(rate.sizeBytes).toBe(pictures.reduce((sum, { bytes }) => sum + bytes.length, 0));
    for (const { options: shown } of pictures) {
      expect(shown.shown).toEqual({ width: 16, height: 16 });
      expect(shown.view.crop).not.toBeNull();
    }
    await using floor = await DecodeFloor.open(pictures, { numThreads: 1, signal });
    expect(await floor.picturesPerSecond(0.1)).toBeGreaterThan(10);
  });

  it("tells of a picture that does not decode, with its class", async () => {
    const bytes = new Uint8Array(100);
    const picture = { width: 16, height: 16, orientation: 1 };
    const options = { picture, view: { crop: null, mirrored: false }, shown: picture };
    const opening = DecodeFloor.open([{ bytes, options }], { numThreads: 1, signal });
    await expect(opening).rejects.toBeInstanceOf(ShardError);
  });
});
