import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { objectiveText } from "../../src/cli/runs/objective-audit.ts";
import { drawTinyWorld, run, trainArguments, type TinyWorld } from "./hardship/tiny-world.ts";

const maskCount = z.object({
  numMaskable: z.int(),
  numMasked: z.int(),
  expectedMasked: z.number(),
  deviations: z.number(),
});
const document = z.object({
  masks: z.array(z.object({ numBatches: z.literal(2), words: maskCount, regions: maskCount })),
  scales: z.array(z.object({ loss: z.string(), weight: z.number(), factor: z.number() })),
  gradients: z.array(
    z.object({ loss: z.string(), gradientNorm: z.number().positive(), share: z.number() }),
  ),
});

let world: TinyWorld;
beforeAll(async () => {
  world = await drawTinyWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("crossweave objectives", () => {
  it("counts what a recipe masks and shows whose the gradient is", async () => {
    const [, ...words] = trainArguments(world, "OUT", ["--batches", "2", "--measured", "1"]);
    const out = words.indexOf("--out");
    const given = ["objectives", ...words.slice(0, out), ...words.slice(out + 2), "--json"];
    const { exitCode, stdout } = await run(given);
    expect(exitCode).toBe(0);
    const { gradients, masks, scales } = document.parse(JSON.parse(stdout));
    expect(masks[0]?.words.numMasked).toBeGreaterThan(0);
    expect(Math.abs(masks[0]?.words.deviations ?? 9)).toBeLessThan(5);
    expect(scales.map(({ loss }) => loss)).toEqual(["mlm", "itm", "mfr"]);
    expect(gradients.map(({ loss }) => loss)).toEqual(["mlm", "itm", "mfr"]);
    expect(gradients.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  });
});

describe("an audit of objectives", () => {
  it("is a table of masks and one of losses; a loss that was not met has no gradient", () => {
    const words = {
      numMaskable: 1000,
      numMasked: 160,
      expectedMasked: 150,
      deviations: 0.9,
      numSamples: 100,
      numBare: 3,
      expectedForced: 0,
    };
    const regions = { ...words, numMaskable: 0, numMasked: 0, expectedMasked: 0 };
    const text = objectiveText(
      "demo",
      { batches: 10, measured: 1 },
      {
        masks: [{ task: null, numBatches: 10, numEmptyBatches: 0, words, regions }],
        scales: [
          { loss: "mlm", weight: 1, factor: 1, computed: "a", published: "b" },
          { loss: "mrfr", weight: 0.5, factor: 1 / 2048, computed: "c", published: "d" },
          { loss: "wra", weight: 0.1, factor: 1, computed: "e", published: "f" },
        ],
        gradients: [
          { loss: "mlm", gradientNorm: 2, share: 0.75 },
          { loss: "wra", gradientNorm: 0.12345, share: 0.25 },
        ],
      },
    );
    expect(text).toMatch(/all +10 +words +1,000 +160 +16\.00 % +15\.00 % +0\.9 sigma/);
    expect(text).not.toContain("regions");
    expect(text).toMatch(/mrfr +0\.5 +1\/2048 +c +d +- +-/);
    expect(text).toMatch(/mlm +1 +1 +a +b +2\.00 +75\.00 %/);
    expect(text).toMatch(/wra +0\.1 +1 +e +f +0\.123 +25\.00 %/);
  });
});
