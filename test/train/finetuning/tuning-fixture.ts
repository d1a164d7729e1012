import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scene } from "../../../src/core/records.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { WordPieceTokenizer } from "../../../src/loader/text/word-piece.ts";
import { fineTuned } from "../../../src/train/finetuning/fine-tuned.ts";
import type { FineTuningTask } from "../../../src/train/finetuning/task.ts";
import type { TrainingRecipe } from "../../../src/train/recipe.ts";
import { train } from "../../../src/train/trainer.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { boxedScenes, numFeatures } from "../../loader/boxed-scenes.ts";
import {
  choiceScenes,
  expressionScenes,
  hypothesisScenes,
  questionScenes,
  statementScenes,
} from "../../loader/labelled/labelled-scenes.ts";
import { temporaryFolder, writeSet, writeVocabulary } from "../../loader/shard-set-fixture.ts";
import { tinyRecipe } from "../tiny-run.ts";
import { tinySohoRecipe } from "../soho/tiny-soho.ts";
import { tinyUniterRecipe } from "../uniter/tiny-uniter.ts";

const NUM_SCENES = 12;

const makers: Readonly<Record<FineTuningTask["kind"], (numScenes: number) => Promise<Scene[]>>> = {
  vqa: questionScenes,
  nlvr2: statementScenes,
  "snli-ve": hypothesisScenes,
  vcr: choiceScenes,
  refcoco: expressionScenes,
  retrieval: boxedScenes,
};

/** The scenes' texts beside pictures that have regions. */
async function withRegions(scenes: readonly Scene[]): Promise<Scene[]> {
  const boxed = await boxedScenes(scenes.length + 1);
  return scenes.map((scene, index) => {
    const shown = scene.pictures.flatMap((_, number) => boxed[index + number] ?? []);
    const pictures = shown.flatMap((one) => one.pictures);
    return { ...scene, pictures, regions: shown.flatMap(({ regions }) => regions) };
  });
}

/** Tiny models of the three systems; texts of up to 24 tokens, pictures of 16 or 64 pixels, three regions. */
export const tinyRecipes: Readonly<Record<TrainingRecipe["system"], TrainingRecipe>> = {
  "visual-parsing": {
    ...tinyRecipe,
    model: {
      ...tinyRecipe.model,
      transformer: { ...tinyRecipe.model.transformer, maxPositions: 48 },
    },
    data: { ...tinyRecipe.data, numWorkers: 1 },
  },
  soho: {
    ...tinySohoRecipe,
    model: {
      ...tinySohoRecipe.model,
      transformer: { ...tinySohoRecipe.model.transformer, maxPositions: 48 },
    },
  },
  uniter: {
    ...tinyUniterRecipe,
    model: {
      ...tinyUniterRecipe.model,
      regionFeatures: numFeatures,
      transformer: { ...tinyUniterRecipe.model.transformer, maxPositions: 48 },
    },
  },
};

type TrainOptions = Parameters<typeof train>[0];
type TrainSummary = Awaited<ReturnType<typeof train>>;

/** Sets of each task and what trains on them. */
export interface TuningFixture extends AsyncDisposable {
  readonly folder: string;
  readonly vocabulary: { readonly path: string; readonly size: number; readonly text: string };
  setOf(task: FineTuningTask): string;
  train(recipe: TrainingRecipe, options?: Partial<TrainOptions>): Promise<TrainSummary>;
}

export async function tuningFixture(): Promise<TuningFixture> {
  await loadTensorFlow(); // before the cache moves, in which it lies
  const temporary = await temporaryFolder();
  process.env["CROSSWEAVE_CACHE"] = join(temporary.path, "cache");
  const setOf = ({ kind }: FineTuningTask): string => join(temporary.path, kind);
  for (const [kind, make] of Object.entries(makers)) {
    await writeSet(join(temporary.path, kind), await withRegions(await make(NUM_SCENES)));
  }
  const path = await writeVocabulary(temporary.path);
  const { size } = await WordPieceTokenizer.fromFile(path);
  return {
    folder: temporary.path,
    vocabulary: { path, size, text: await readFile(path, "utf8") },
    setOf,
    train: (recipe, options = {}) =>
      train({
        recipe,
        sets: recipe.task === undefined ? [] : [{ folder: setOf(recipe.task), splits: ["train"] }],
        vocabulary: { path, size },
        runDigest: "of the fixture",
        run: undefined,
        progress: silentProgress,
        ...options,
      }),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}

/** A tiny recipe for a task: a few steps of four samples, one by one operation. */
export function tinyTuning(
  system: TrainingRecipe["system"],
  task: FineTuningTask,
  steps = 3,
): TrainingRecipe {
  const tuned = fineTuned(tinyRecipes[system], {
    name: `tiny-${task.kind}-${system}`,
    task,
    data: { picturesPerBatch: 4, maxTextTokens: 24 },
    optimisation: { duration: { unit: "steps", length: steps }, warmupSteps: 1 },
  });
  return { ...tuned, execution: "eager" };
}
