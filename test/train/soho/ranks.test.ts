import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resNetBuffers, resNetSpecs } from "../../../src/models/resnet/config.ts";
import { BACKBONE_PREFIX } from "../../../src/models/soho/config.ts";
import { initialiseWeights, withPrefix } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { usualCheckpoints } from "../../../src/train/recipes/recipe-base.ts";
import type { SohoRecipe } from "../../../src/train/recipes/soho-recipe.ts";
import { traceDistance, weightDistance } from "../compare-runs.ts";
import { type TrainingFixture, trainingFixture } from "../training-fixture.ts";
import { tinySohoRecipe } from "./tiny-soho.ts";

const NUM_STEPS = 5;

/** With dropout, and codes that begin anew; a frozen network normalises no rank's pictures by their own statistics. */
const recipe: SohoRecipe = {
  ...tinySohoRecipe,
  model: {
    ...tinySohoRecipe.model,
    resnet: { block: "basic", depths: [1, 1], width: 4 },
    dictionary: { codes: 12, momentum: 0.5, restartAfterSteps: 2 },
    transformer: { ...tinySohoRecipe.model.transformer, dropout: 0.1 },
  },
  data: { ...tinySohoRecipe.data, picturesPerBatch: 4, maxTextTokens: 20 },
  optimisation: {
    ...tinySohoRecipe.optimisation,
    duration: { unit: "steps", length: NUM_STEPS },
    frozenVisualEpochs: 100,
    visualSgd: { momentum: 0.9, weightDecay: 5e-4 },
    warmupSteps: 2,
  },
  checkpoints: usualCheckpoints(1),
};

let fixture: TrainingFixture;
beforeAll(async () => {
  await loadTensorFlow();
  fixture = await trainingFixture(10);
  await fixture.train("alone", recipe, { numRanks: 1 });
});
afterAll(() => fixture[Symbol.asyncDispose]());

describe("SOHO", () => {
  // A batch has four pictures: three ranks have one or two each, and one of padding.
  it.each([2, 3])(
    "V-6: comes on %i ranks to the weights and the dictionary of one process",
    async (numRanks) => {
      const name = `of ${numRanks}`;
      await fixture.train(name, recipe, { numRanks });
      const [alone, together] = [
        await fixture.weightsOf("alone", NUM_STEPS),
        await fixture.weightsOf(name, NUM_STEPS),
      ];
      expect([...alone.keys()]).toContain("neck.vq.embed");
      expect(weightDistance(alone, together).relativeL2).toBeLessThan(1e-5);
      const readings = [await fixture.metricsOf("alone"), await fixture.metricsOf(name)];
      expect(readings.map((lines) => lines.length)).toEqual([NUM_STEPS, NUM_STEPS]);
    },
  );

  it("R-5: leaves a frozen network as it began, and trains it once it is not", async () => {
    const trained = { ...recipe, optimisation: { ...recipe.optimisation, frozenVisualEpochs: 0 } };
    await fixture.train("trained", trained, { numRanks: 1 });
    const { initialScale: scale, resnet } = recipe.model;
    const network = withPrefix([...resNetSpecs(resnet), ...resNetBuffers(resnet)], BACKBONE_PREFIX);
    const start = Object.entries(initialiseWeights(network, { seed: recipe.seed, scale }));
    const movedIn = async (name: string): Promise<string[]> => {
      const last = await fixture.weightsOf(name, NUM_STEPS);
      const moved = start.filter(([weight, values]) =>
        values.dataSync().some((value, place) => value !== last.get(weight)?.[place]),
      );
      return moved.map(([weight]) => weight);
    };
    expect(await movedIn("alone")).toEqual([]);
    expect(await movedIn("trained")).toEqual(network.map(({ name }) => name));
  });

  it("T-9: goes on after a stop with the digits of a run without one, dictionary included", async () => {
    await fixture.train("in parts", recipe, { numRanks: 1, stopAfter: 2 });
    expect(await fixture.metricsOf("in parts")).toHaveLength(2);
    await fixture.train("in parts", recipe, { numRanks: 1 });
    const [alone, parts] = [await fixture.metricsOf("alone"), await fixture.metricsOf("in parts")];
    expect(traceDistance(alone, parts)).toBe(0);
    expect(await fixture.weightsOf("in parts", NUM_STEPS)).toEqual(
      await fixture.weightsOf("alone", NUM_STEPS),
    );
  });
});
