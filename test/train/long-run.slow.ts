import { beforeAll, describe, expect, it } from "vitest";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { held, largestLossDifference, longRun } from "./long-run.ts";

beforeAll(loadTensorFlow);

const NUM_STEPS = 200;

describe("a compiled run", () => {
  it("has the losses of its operations one by one within 1e-4 over 200 steps", async () => {
    const eager = await longRun({ execution: "eager", numSteps: NUM_STEPS });
    const compiled = await longRun({ execution: "captured", numSteps: NUM_STEPS });
    const difference = largestLossDifference(eager, compiled);
    expect(difference).toBeLessThan(1e-4);
  });

  it("by XLA, which draws other dropout, has them without dropout within 1e-3 over 200 steps", async () => {
    const without = { numSteps: NUM_STEPS, dropout: 0 };
    const eager = await longRun({ ...without, execution: "eager" });
    const compiled = await longRun({ ...without, execution: "xla-required" });
    const difference = largestLossDifference(eager, compiled);
    expect(difference).toBeLessThan(1e-3);
  });

  it("repeated is equal digit for digit over 200 steps", async () => {
    const first = await longRun({ execution: "captured", numSteps: NUM_STEPS });
    const second = await longRun({ execution: "captured", numSteps: NUM_STEPS });
    expect(second).toEqual(first);
  });

  it("holds its memory and its tensors over 10,000 steps", async () => {
    const readings: ReturnType<typeof held>[] = [];
    await longRun({
      execution: "captured",
      numSteps: 10_000,
      onStep: (step) => {
        if (step % 1000 === 0) readings.push(held());
      },
    });
    expect(new Set(readings.map(({ kept, tensors }) => `${kept} ${tensors}`)).size).toBe(1);
    // JavaScript's heap comes and goes; a leak of one small tensor a step would be some MiB more in each reading.
    const settled = readings.slice(2).map(({ mebibytes }) => mebibytes);
    expect(Math.max(...settled) - Math.min(...settled)).toBeLessThan(24);
  });
});
