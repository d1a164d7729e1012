import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareSet } from "../../src/cli/preparation/prepare-set.ts";
import { evaluateRun, type RunRetrieval } from "../../src/cli/runs/retrieval.ts";
import { runTraining } from "../../src/cli/runs/training.ts";
import { silentProgress } from "../../src/core/progress.ts";
import { noExclusions } from "../../src/ingest/exclusion/given-rules.ts";
import { readRecipe } from "../../src/ingest/recipe.ts";
import { overrideRecipe } from "../../src/train/recipe-parser.ts";
import { recipeNamed } from "../../src/train/recipes/recipe-named.ts";
import { layOutRealCoco, realData } from "../real-data.ts";

const context = {
  progress: silentProgress,
  signal: new AbortController().signal,
  json: false,
};

/**
 * Fits a model to real COCO photographs and searches them with the captions it was trained on: the first
 * `numPhotographs` of train2017, or all 51 of both folders.
 */
export async function fitPhotographs(options: {
  readonly numPhotographs: number | "all";
  readonly settings: readonly string[];
}): Promise<RunRetrieval> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-fit-"));
  try {
    const source = join(folder, "source");
    await layOutRealCoco(source);
    if (options.numPhotographs !== "all") await keepFirst(source, options.numPhotographs);
    const recipe = await readRecipe("coco-fit");
    const data = join(folder, "shards");
    await prepareSet(
      {
        recipe,
        sourceFolder: source,
        outFolder: data,
        allowMissing: true,
        acceptUnknownRelease: false,
        exclusions: noExclusions,
        strict: false,
        quarantineLimit: recipe.quarantineLimit,
        numWorkers: 2,
        fresh: false,
      },
      context,
    );
    const run = join(folder, "run");
    await runTraining(
      {
        recipe: overrideRecipe(recipeNamed("pretrain/visual-parsing-small"), [
          `data.vocabulary=${realData("bert/vocab.txt")}`,
          ...options.settings,
        ]),
        folders: [data],
        out: run,
        fresh: false,
        allowLeaks: false,
      },
      context,
    );
    return await evaluateRun({ run, data, split: "train" }, context);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function keepFirst(source: string, count: number): Promise<void> {
  await rm(join(source, "coco/val2017"), { recursive: true });
  const train = join(source, "coco/train2017");
  for (const name of (await readdir(train)).toSorted().slice(count)) await rm(join(train, name));
}
