import { beforeAll, describe, expect, it } from "vitest";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { held, largestLossDifference, longRun } from "./long-run.ts";

// Samples of long-run.slow.ts.

beforeAll(loadTensorFlow);

describe("a compiled run", () => {
  it("has the losses of its operations one by one, step by step", async () => {
    const eager = await longRun({ execution: "eager", numSteps: 8 });
    const compiled = await longRun({ execution: "captured", numSteps: 8 });
    expect(new Set(eager.losses).size).toBe(8);
    expect(largestLossDifference(eager, compiled)).toBeLessThan(1e-4);
  });

  it("repeated is equal digit for digit", async () => {
    const first = await longRun({ execution: "captured", numSteps: 8 });
    expect(await longRun({ execution: "captured", numSteps: 8 })).toEqual(first);
  });

  it("holds as many tensors after 200 steps as after 2", async () => {
    const counts: { readonly tensors: number; readonly kept: number }[] = [];
    await longRun({
      execution: "captured",
      numSteps: 200,
      onStep: (step) => {
        const { kept, tensors } = held();
        if (step === 2 || step === 200) counts.push({ kept, tensors });
      },
    });
    expect(counts[1]).toEqual(counts[0]);
  });
});
