import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { profileText } from "../../src/cli/runs/training-profile.ts";
import { drawTinyWorld, run, trainArguments, type TinyWorld } from "./hardship/tiny-world.ts";

const document = z.object({
  numSteps: z.literal(3),
  stepMs: z.number().positive(),
  dataWaitMs: z.number().min(0),
  batchMs: z.number().positive(),
  updateMs: z.number().positive(),
  gradientMs: z.number().positive(),
  operations: z
    .array(z.object({ operation: z.string(), count: z.int().positive(), milliseconds: z.number() }))
    .min(5),
  traces: z
    .array(z.object({ step: z.enum(["gradient", "update"]), difference: z.number() }))
    .min(2),
});

let world: TinyWorld;
beforeAll(async () => {
  world = await drawTinyWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** The arguments of a training without its folder. */
function profileArguments(extra: readonly string[]): string[] {
  const [, ...words] = trainArguments(world, "OUT", extra);
  const out = words.indexOf("--out");
  return ["profile", ...words.slice(0, out), ...words.slice(out + 2)];
}

describe("crossweave profile", () => {
  it("tells where a step's time goes, by operation and waiting for data", async () => {
    const { exitCode, stdout } = await run(profileArguments(["--steps", "3", "--json"]));
    expect(exitCode).toBe(0);
    const profile = document.parse(JSON.parse(stdout));
    const { batchMs, dataWaitMs, operations, stepMs, updateMs } = profile;
    expect(dataWaitMs + batchMs + updateMs).toBeLessThan(stepMs);
    expect(operations.some(({ operation }) => operation.includes("MatMul"))).toBe(true);
  });

  it("refuses sets that train nothing and a recipe without a vocabulary", async () => {
    const without = await run(["profile", "demo", "--data", world.fit]);
    expect([without.exitCode, without.stderr]).toEqual([
      2,
      expect.stringContaining("names no vocabulary"),
    ]);
  });
});

describe("a profile", () => {
  it("is two tables and what was compiled", () => {
    const text = profileText(
      "demo",
      {
        numSteps: 4,
        stepMs: 200,
        dataWaitMs: 1,
        batchMs: 2.5,
        updateMs: 20,
        gradientMs: 170,
        operations: [
          { operation: "MatMul", count: 30, milliseconds: 150 },
          { operation: "Mul", count: 40, milliseconds: 40 },
          { operation: "Erf", count: 2, milliseconds: 10 },
        ],
        traces: [],
      },
      2,
    );
    expect(text).toMatch(/demo: 200 ms a step.*, the mean of 4/);
    expect(text).toMatch(/waiting for data +1\.00 ms +0\.5 %/);
    expect(text).toMatch(/losses and gradient +177 ms +88\.3 %/);
    expect(text).toMatch(/MatMul +30 +150 ms +75\.0 %/);
    expect(text).toContain("; 1 more take less");
  });
});
