import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.ts";
import { Standing } from "../../../src/train/checkpoints/standing.ts";
import type { RecipeCheckpoints } from "../../../src/train/recipes/recipe-base.ts";

const policy: RecipeCheckpoints = {
  everySteps: 2,
  keepLast: 1,
  best: { reading: "mlm", wants: "lowest" },
  patience: 2,
};

/** Tells the readings of steps 1, 2, …; NaN is a step that was left out. */
function told(standing: Standing, values: readonly number[], from = 1): Standing {
  for (const [index, value] of values.entries()) {
    const isSkipped = Number.isNaN(value) ? { isSkipped: true as const } : {};
    standing.add({ step: from + index, loss: -value, parts: { mlm: value }, ...isSkipped });
  }
  return standing;
}

describe("the standing of a run", () => {
  it("knows the checkpoint with the lowest mean since the one before", () => {
    const standing = told(new Standing(policy), [9, 3, 1, 4, 2, 2]); // means 6, 2.5, 2
    expect(standing.bestStep).toBe(6);
    expect(told(new Standing(policy), [9, 3, 1, 4, 2, 3]).bestStep).toBe(4); // an equal one is no better
  });

  it("knows the one with the highest, or by the loss, where that is asked for", () => {
    const highest = { ...policy, best: { reading: "mlm", wants: "highest" } } as const;
    expect(told(new Standing(highest), [9, 3, 1, 4]).bestStep).toBe(2);
    const byLoss = { ...policy, best: { reading: "loss", wants: "lowest" } } as const;
    expect(told(new Standing(byLoss), [9, 3, 1, 4]).bestStep).toBe(2);
  });

  it("is over after as many checkpoints that are not better as there is patience", () => {
    expect(told(new Standing(policy), [1, 1, 2, 2]).isOver).toBe(false);
    expect(told(new Standing(policy), [1, 1, 2, 2, 1, 1]).isOver).toBe(true);
    expect(told(new Standing({ ...policy, patience: null }), [1, 1, 2, 2, 1, 1]).isOver).toBe(
      false,
    );
    expect(told(new Standing(policy), [1, 1, 2, 2, 0, 0, 3, 3]).isOver).toBe(false);
  });

  it("leaves out steps whose numbers were not finite", () => {
    const standing = told(new Standing(policy), [2, Number.NaN, 1, 4]);
    expect(standing.bestStep).toBe(2);
    expect(told(new Standing(policy), [Number.NaN, Number.NaN, 1, 1]).bestStep).toBe(4);
  });

  it("refuses a reading that nobody tells, and names those that are told", () => {
    const standing = new Standing({ ...policy, best: { reading: "mml", wants: "lowest" } });
    expect(() => told(standing, [1, 1])).toThrow(ConfigError);
    expect(() => told(new Standing({ ...policy, best: null }), [1, 1])).not.toThrow();
  });
});
