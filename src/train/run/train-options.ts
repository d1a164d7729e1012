import type { Progress } from "../../core/progress.ts";
import type { ExcludedName, LoaderSet } from "../../loader/options.ts";
import type { Cluster } from "../../tensor/cluster/cluster.ts";
import type { TrainingRecipe } from "../recipe.ts";
import type { StepReading } from "../step/step-program.ts";
import type { InitialSource } from "./initial-weights.ts";
import type { RunObserver } from "./run-events.ts";
import type { RunFolder, RunSummary } from "./run-folder.ts";

export interface TrainOptions {
  readonly recipe: TrainingRecipe;
  readonly sets: readonly LoaderSet[];
  /** Names of pictures that the loader refuses, however they came into a set. */
  readonly excluded?: readonly ExcludedName[] | undefined;
  /** Path of the vocabulary and the number of its tokens. */
  readonly vocabulary: { readonly path: string; readonly size: number };
  /** Names the run's inputs. */
  readonly runDigest: string;
  /** Files whose weights the run starts from; all are drawn when left out. */
  readonly initial?: readonly InitialSource[] | undefined;
  /** Where rank 0 writes; undefined on the others. */
  readonly run: RunFolder | undefined;
  /** Are told what happens in the run, on this rank; none when left out. */
  readonly observers?: readonly RunObserver[] | undefined;
  /** The processes that train together; this one alone unless given. */
  readonly cluster?: Cluster;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** What a training run ends with; times are of this call alone, pictures of all ranks. */
export interface TrainSummary extends RunSummary {
  readonly resumedFrom: number;
  /** Of epoch 0 and, unless batches are of tokens, of every other one. */
  readonly batchesPerEpoch: number;
  readonly last: StepReading | undefined;
}
