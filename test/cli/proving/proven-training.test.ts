import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { clearFolder } from "../../../src/cli/preparation/set-folder.ts";
import { prepareTraining, type TrainingCall } from "../../../src/cli/runs/training.ts";
import { sha256 } from "../../../src/core/digest.ts";
import { ShardError } from "../../../src/core/errors.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { recipeNamed } from "../../../src/train/recipes/recipe-named.ts";
import { writeVocabulary } from "../../loader/shard-set-fixture.ts";
import { filesOf, temporaryFolder } from "../../shards/small-set.ts";
import { type ProvenSets, writeProvenSets } from "./proven-set.ts";
import { requireVisualParsing } from "../../train/tiny-run.ts";

const context = { progress: silentProgress, signal: new AbortController().signal };

async function trainingCall({ evaluated, folder, trained }: ProvenSets): Promise<TrainingCall> {
  const recipe = requireVisualParsing(recipeNamed("pretrain/visual-parsing"));
  const vocabulary = await writeVocabulary(folder);
  return {
    recipe: { ...recipe, data: { ...recipe.data, picturesPerBatch: 8, vocabulary } },
    folders: [trained, evaluated],
    out: join(folder, "run"),
    fresh: false,
    allowLeaks: false,
  };
}

describe("a set with a proof", () => {
  it("gives its digest to the run that trains on it, and stops one where the proof was changed", async () => {
    await using folder = await temporaryFolder();
    const sets = await writeProvenSets(folder.path);
    const call = await trainingCall(sets);
    const text = await readFile(sets.proof, "utf8");
    expect((await prepareTraining(call, context)).proofs).toEqual([sha256(text), null]);
    const unproven = { ...call, folders: [sets.evaluated, join(folder.path, "leaking")] };
    const { proofs } = await prepareTraining(
      { ...unproven, allowLeaks: true, recipe: smaller(call) },
      context,
    );
    expect(proofs).toBeUndefined();
    await writeFile(join(sets.trained, "proof.json"), text.replace("keyid", "keyId"));
    await expect(prepareTraining(call, context)).rejects.toThrow(ShardError);
    await expect(prepareTraining(call, context)).rejects.toThrow(/proof\.json: it has the sha256/);
  });

  it("is removed whole where it is prepared again from the start", async () => {
    await using folder = await temporaryFolder();
    const { trained } = await writeProvenSets(folder.path);
    await mkdir(join(trained, "train"), { recursive: true });
    const claim = { folder: trained, recipe: "trained", planDigest: "", splits: ["train"] };
    await clearFolder(claim);
    expect(
      [...(await filesOf(trained)).keys()].filter((name) => !name.includes(".unfinished")),
    ).toEqual([]);
  });
});

function smaller(call: TrainingCall): TrainingCall["recipe"] {
  const recipe = requireVisualParsing(call.recipe);
  return { ...recipe, data: { ...recipe.data, picturesPerBatch: 2 } };
}
