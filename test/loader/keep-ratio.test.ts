import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { globalBatches } from "./global-batches.ts";
import { shownModes, type ShownSets, shownSets } from "./shown-sets.ts";

let sets: ShownSets;
beforeAll(async () => {
  sets = await shownSets();
});
afterAll(() => sets[Symbol.asyncDispose]());

const alone = { worldSize: 1, numWorkers: 0, prefetchBatches: 1 };

// 8 worlds, 3 numbers of workers, 3 depths and 4 places: keep-ratio.slow.ts.
describe("global batches of pictures that keep their ratio, and of regions and boxes,", () => {
  it.each(shownModes)("are the same on 3 and on 7 ranks: %s", async (mode) => {
    const options = sets.optionsOf(mode);
    const expected = await globalBatches(options, alone, { epoch: 0, step: 1, count: 2 });
    expect(new Set(expected).size).toBe(2);
    const three = { worldSize: 3, numWorkers: 1, prefetchBatches: 2 };
    expect(await globalBatches(options, three, { epoch: 0, step: 1, count: 2 })).toEqual(expected);
    const seven = { worldSize: 7, numWorkers: 0, prefetchBatches: 1 };
    expect(await globalBatches(options, seven, { epoch: 0, step: 2, count: 1 })).toEqual(
      expected.slice(1),
    );
  });

  it("skip what is damaged, in pictures and in heads", async () => {
    const all = { epoch: 0, step: 0, count: 5 };
    const batches = await globalBatches(sets.optionsOf("damage"), alone, all);
    expect(batches.join()).toContain('"fault":');
    expect(batches.join()).toMatch(/the bytes of coco:\d+ have the digest/);
    expect(batches.join()).toMatch(/batch 1: its small columns/);
  });
});
