import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silentProgress } from "../../../src/core/progress.ts";
import { reasoning, retrieval, vqa } from "../../../src/train/finetuning/fine-tuned.ts";
import { runSource } from "../../../src/train/finetuning/run-source.ts";
import type { TrainingRecipe } from "../../../src/train/recipe.ts";
import { loadRunModel } from "../../../src/train/run/load-model.ts";
import { RunFolder } from "../../../src/train/run/run-folder.ts";
import { memoryClusters } from "../memory-clusters.ts";
import { tinyTuning, type TuningFixture, tuningFixture } from "./tuning-fixture.ts";

let fixture: TuningFixture;
beforeAll(async () => {
  fixture = await tuningFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

const answers = { ...vqa, answers: ["no", "yes"] };
const systems = ["visual-parsing", "soho", "uniter"] as const;

/** A run of the recipe in the folder `name`, from `from` or from nothing. */
async function trained(
  name: string,
  recipe: TrainingRecipe,
  { from, numRanks = 1 }: { from?: string; numRanks?: number } = {},
): Promise<{ readonly folder: string; readonly said: readonly string[] }> {
  const folder = join(fixture.folder, name);
  const initial = from === undefined ? [] : (await runSource(from)).initial;
  const inputs = {
    recipe,
    vocabularySha256: "of the fixture",
    setDigests: ["of the fixture"],
    audit: { digest: "of the fixture", clean: true },
    ...(initial.length > 0 && {
      initial: initial.map(({ layout, sha256 }) => ({ layout, sha256 })),
    }),
  };
  const options = { fresh: false, vocabulary: fixture.vocabulary.text };
  using run = await RunFolder.open(folder, inputs, options);
  const said: string[] = [];
  const progress = { ...silentProgress, say: (message: string) => said.push(message) };
  const ranks = memoryClusters(numRanks).map((cluster) =>
    fixture.train(recipe, {
      initial,
      run: cluster.rank === 0 ? run : undefined,
      runDigest: run.record.digest,
      cluster,
      progress,
    }),
  );
  await Promise.all(ranks);
  return { folder, said };
}

async function weightsOf(folder: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const { weights } = await loadRunModel(folder);
  const named = Object.entries(weights).map(([name, tensor]) => {
    const values = Array.from(tensor.dataSync());
    tensor.dispose();
    return [name, values] as const;
  });
  return new Map(named);
}

describe("a run of fine-tuning", () => {
  it.each([answers, reasoning] as const)(
    "H-2: gives two ranks the weights of one ($kind)",
    async (task) => {
      const recipe = tinyTuning("visual-parsing", task, 2);
      const one = await trained(`${task.kind}-one`, recipe);
      const two = await trained(`${task.kind}-two`, recipe, { numRanks: 2 });
      const [alone, together] = [await weightsOf(one.folder), await weightsOf(two.folder)];
      expect([...alone.keys()]).toEqual([...together.keys()]);
      const apart = [...alone].flatMap(([name, values]) =>
        values.map((value, place) => Math.abs(value - (together.get(name)?.[place] ?? NaN))),
      );
      expect(Math.max(...apart)).toBeLessThan(1e-4);
    },
  );

  it("H-4: starts UNITER's rank head as the matching head's row of matched pairs", async () => {
    const source = await trained("rank-source", tinyTuning("uniter", retrieval, 1));
    const ranking = tinyTuning("uniter", { ...retrieval, head: "rank", loss: "triplet" }, 1);
    const rates = { visualLearningRate: 0, transformerLearningRate: 0 };
    const recipe = { ...ranking, optimisation: { ...ranking.optimisation, ...rates } };
    const { folder } = await trained("rank", recipe, { from: source.folder });
    const weights = await weightsOf(folder);
    const matching = weights.get("itm_head.weight") ?? [];
    expect(matching.length).toBeGreaterThan(0);
    expect(weights.get("rank_output.weight")).toEqual(matching.slice(matching.length / 2));
    expect(weights.get("rank_output.bias")).toEqual(weights.get("itm_head.bias")?.slice(1));
  });

  it.each(systems)(
    "starts %s from a run by the names of its weights, heads fresh",
    async (system) => {
      const source = await trained(`${system}-source`, tinyTuning(system, retrieval, 1));
      const still = tinyTuning(system, reasoning, 1);
      const rates = { visualLearningRate: 0, transformerLearningRate: 0, visualSgd: null };
      const recipe = { ...still, optimisation: { ...still.optimisation, ...rates } };
      const tuned = await trained(`${system}-tuned`, recipe, { from: source.folder });
      const [before, after] = [await weightsOf(source.folder), await weightsOf(tuned.folder)];
      const taken = [...after].filter(([name]) => before.has(name));
      expect(new Map(taken)).toEqual(before);
      const fresh = [...after.keys()].filter((name) => !before.has(name));
      expect(fresh).toEqual(["picture_types", "nlvr2_output.weight", "nlvr2_output.bias"]);
      expect(tuned.said[0]).toContain(`${before.size} weights taken, 3 of the model missing`);
    },
  );
});
