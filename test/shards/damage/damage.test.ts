import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { validateShardSet } from "../../../src/shards/validation/validate-shard-set.ts";
import { DamagedSet, damages } from "./damaged-set.ts";
import { runTrials, type Tally, wrongReadings } from "./trials.ts";

const TRIALS_PER_KIND = 18;
let set: DamagedSet;
let tallies: readonly Tally[];

beforeAll(async () => {
  set = await DamagedSet.create();
  tallies = await runTrials(set, TRIALS_PER_KIND * Object.keys(damages).length, 7);
});
afterAll(async () => {
  await set[Symbol.asyncDispose]();
});

describe("an undamaged set", () => {
  it.each(["every", "files"] as const)("is valid with %s digests, all counted", async (digests) => {
    const report = await validateShardSet(set.path, { digests });
    const numBytes = [...set.files]
      .filter(([file]) => file.endsWith(".arrow"))
      .reduce((sum, [, bytes]) => sum + bytes.length, 0);
    expect(report).toMatchObject({
      isValid: true,
      numFaults: 0,
      faultyFiles: [],
      checked: { sizeBytes: numBytes, numFiles: 4, numScenes: 24, numLedgerRows: 2 },
    });
    expect(await wrongReadings(set.path)).toEqual([]);
  });
});

describe("random damage", () => {
  it.each(Object.keys(damages))("is found and located, and never delivered: %s", (kind) => {
    const tally = tallies.find((one) => one.kind === kind);
    expect(tally).toMatchObject({
      numTrials: TRIALS_PER_KIND,
      numFound: TRIALS_PER_KIND,
      numLocated: TRIALS_PER_KIND,
      numWrong: 0,
      misses: [],
    });
  });
});
