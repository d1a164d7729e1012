import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { globalBatches, type Run } from "./global-batches.ts";
import { type ShownMode, shownModes, type ShownSets, shownSets } from "./shown-sets.ts";

let sets: ShownSets;
beforeAll(async () => {
  sets = await shownSets();
});
afterAll(() => sets[Symbol.asyncDispose]());

const alone: Run = { worldSize: 1, numWorkers: 0, prefetchBatches: 1 };
const places = [
  { epoch: 0, step: 0 },
  { epoch: 0, step: 3 },
  { epoch: 1, step: 1 },
  { epoch: 4, step: 2 },
] as const;

const runs = Array.from({ length: 24 }, (_, index) => ({
  worldSize: 1 + (index % 8),
  numWorkers: [0, 1, 2][Math.floor(index / 8)] ?? 0,
  prefetchBatches: [1, 2, 4][(index + Math.floor(index / 8)) % 3] ?? 1,
  from: places[(index + Math.floor(index / 8)) % places.length] ?? places[0],
}));

describe("global batches of pictures that keep their ratio, and of regions and boxes,", () => {
  it.each(shownModes)(
    "are the same over 24 combinations of 1 to 8 ranks, workers, prefetching and places: %s",
    async (mode: ShownMode) => {
      const options = sets.optionsOf(mode);
      for (const { from, ...run } of runs) {
        const place = { ...from, count: 2 };
        const given = await globalBatches(options, run, place);
        expect({ run, place, given }).toEqual({
          run,
          place,
          given: await globalBatches(options, alone, place),
        });
      }
    },
  );
});
