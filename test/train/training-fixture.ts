import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../../src/core/progress.ts";
import { WordPieceTokenizer } from "../../src/loader/text/word-piece.ts";
import { readSafetensors } from "../../src/tensor/safetensors.ts";
import type { TrainingRecipe } from "../../src/train/recipe.ts";
import { type MetricsLine, readMetrics, RunFolder } from "../../src/train/run/run-folder.ts";
import type { TrainSummary } from "../../src/train/run/train-options.ts";
import { train } from "../../src/train/trainer.ts";
import {
  drawnScenes,
  temporaryFolder,
  writeSet,
  writeVocabulary,
} from "../loader/shard-set-fixture.ts";
import { memoryClusters } from "./memory-clusters.ts";

interface RankedTraining {
  readonly numRanks: number;
  /** After this step the last rank alone is told to stop. */
  readonly stopAfter?: number;
}

/** A set of drawn scenes and runs that train on it. */
export interface TrainingFixture extends AsyncDisposable {
  /** Trains into the folder called `name` as ranks of this process; gives how each ended. */
  train(
    name: string,
    recipe: TrainingRecipe,
    plan: RankedTraining,
  ): Promise<PromiseSettledResult<TrainSummary>[]>;
  metricsOf(name: string): Promise<MetricsLine[]>;
  /** The values of each weight after a step. */
  weightsOf(name: string, step: number): Promise<ReadonlyMap<string, ArrayLike<number>>>;
}

export async function trainingFixture(numScenes: number): Promise<TrainingFixture> {
  const temporary = await temporaryFolder();
  const folder = join(temporary.path, "set");
  await writeSet(folder, await drawnScenes(numScenes));
  const path = await writeVocabulary(temporary.path);
  const { size } = await WordPieceTokenizer.fromFile(path);
  const text = await readFile(path, "utf8");
  const runOf = (name: string): string => join(temporary.path, name);
  return {
    train: async (name, recipe, { numRanks, stopAfter }) => {
      const inputs = {
        recipe,
        vocabularySha256: "of the fixture",
        setDigests: ["of the fixture"],
        audit: { digest: "of the fixture", clean: true },
      };
      using run = await RunFolder.open(runOf(name), inputs, { fresh: false, vocabulary: text });
      const stop = new AbortController();
      const progress: Progress = {
        say: () => {},
        report: ({ done }) => {
          if (done === stopAfter) stop.abort(new Error("stopped by the test"));
        },
      };
      const ranks = memoryClusters(numRanks).map((cluster) =>
        train({
          recipe,
          sets: [{ folder, splits: ["train"] }],
          vocabulary: { path, size },
          runDigest: run.record.digest,
          run: cluster.rank === 0 ? run : undefined,
          cluster,
          progress,
          signal: cluster.rank === numRanks - 1 ? stop.signal : undefined,
        }),
      );
      return await Promise.allSettled(ranks);
    },
    metricsOf: (name) => readMetrics(runOf(name)),
    weightsOf: async (name, step) => {
      const checkpoint = join(runOf(name), "checkpoints", `step-${String(step).padStart(8, "0")}`);
      const named = await readSafetensors(join(checkpoint, "model.safetensors"));
      return new Map([...named].map(([weight, { data }]) => [weight, data]));
    },
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}
