import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../../../src/core/progress.ts";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import type { Batch } from "../../../src/loader/options.ts";
import { WordPieceTokenizer } from "../../../src/loader/text/word-piece.ts";
import { soloCluster } from "../../../src/tensor/cluster/cluster.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { latestCheckpoint } from "../../../src/train/checkpoints/read-checkpoint.ts";
import { overrideRecipe } from "../../../src/train/recipe-parser.ts";
import type { TrainingRecipe } from "../../../src/train/recipe.ts";
import { loaderOptions } from "../../../src/train/run/loader-options.ts";
import type { RunObserver } from "../../../src/train/run/run-events.ts";
import { type OpenOptions, RunFolder } from "../../../src/train/run/run-folder.ts";
import type { TrainSummary } from "../../../src/train/run/train-options.ts";
import { train } from "../../../src/train/trainer.ts";
import {
  drawnScenes,
  temporaryFolder,
  writeSet,
  writeVocabulary,
} from "../../loader/shard-set-fixture.ts";
import { tinyRecipe, tinySystem } from "../tiny-run.ts";

/** How the tiny recipe is trained: six steps, two of them an epoch, on ten scenes. */
export interface RunCall {
  readonly settings?: readonly string[];
  /** Behind this step it is stopped as Ctrl-C does. */
  readonly stopAfter?: number;
  readonly observers?: readonly RunObserver[];
  readonly open?: Partial<OpenOptions>;
  readonly say?: (message: string) => void;
}

/** A folder in which the tiny recipe is trained. */
export class TrainedRuns implements AsyncDisposable {
  readonly #temporary: Awaited<ReturnType<typeof temporaryFolder>>;
  readonly #vocabulary: { readonly path: string; readonly size: number; readonly text: string };

  private constructor(
    temporary: Awaited<ReturnType<typeof temporaryFolder>>,
    vocabulary: { readonly path: string; readonly size: number; readonly text: string },
  ) {
    this.#temporary = temporary;
    this.#vocabulary = vocabulary;
  }

  static async open(): Promise<TrainedRuns> {
    await loadTensorFlow();
    const temporary = await temporaryFolder();
    await writeSet(join(temporary.path, "set"), await drawnScenes(10));
    const path = await writeVocabulary(temporary.path);
    const { size } = await WordPieceTokenizer.fromFile(path);
    return new TrainedRuns(temporary, { path, size, text: await readFile(path, "utf8") });
  }

  pathOf(...names: string[]): string {
    return join(this.#temporary.path, ...names);
  }

  get vocabulary(): { readonly path: string; readonly size: number } {
    return this.#vocabulary;
  }

  recipe(settings: readonly string[] = []): TrainingRecipe {
    return overrideRecipe(tinyRecipe, settings);
  }

  /** Trains into the folder called `name`; gives the error where it is stopped. */
  async train(name: string, call: RunCall = {}): Promise<TrainSummary> {
    const recipe = this.recipe(call.settings);
    const inputs = {
      recipe,
      vocabularySha256: "of the fixture",
      setDigests: ["of the fixture"],
      audit: { digest: "of the fixture", clean: true },
    };
    const open = { fresh: false, vocabulary: this.#vocabulary.text, ...call.open };
    using run = await RunFolder.open(this.pathOf(name), inputs, open);
    const stop = new AbortController();
    const progress: Progress = {
      say: call.say ?? (() => {}),
      report: ({ done }) => {
        if (done === call.stopAfter) stop.abort(new Error("stopped by the test"));
      },
    };
    return await train({
      recipe,
      sets: this.#sets,
      vocabulary: this.#vocabulary,
      runDigest: run.record.digest,
      run,
      observers: call.observers,
      progress,
      signal: stop.signal,
    });
  }

  /** Trains until a step is done; the run is stopped there. */
  async trainUntil(name: string, stopAfter: number, call: RunCall = {}): Promise<void> {
    await this.train(name, { ...call, stopAfter }).catch((error: unknown) => {
      if (!String(error).includes("stopped by the test")) throw error;
    });
  }

  /** All that must be the same where a run was stopped and where it was not: metrics, and the newest checkpoint but its record. */
  async outcomeOf(name: string): Promise<Readonly<Record<string, string>>> {
    const latest = await latestCheckpoint(this.pathOf(name, "checkpoints"));
    const files = ["model.safetensors", "optimizer.safetensors", "average.safetensors"];
    const stored = [...files, "loader.json"].map(async (file) => {
      const bytes = await readFile(join(latest?.folder ?? "", file), "hex").catch(() => "none");
      return [file, bytes] as const;
    });
    const metrics = await readFile(this.pathOf(name, "metrics.jsonl"), "utf8");
    return {
      metrics,
      step: String(latest?.step),
      ...Object.fromEntries(await Promise.all(stored)),
    };
  }

  /** Does something with the first batch while the loader is open. */
  async withBatch<R>(use: (batch: Batch) => R | Promise<R>): Promise<R> {
    const { batches } = tinySystem(tinyRecipe);
    const call = { recipe: tinyRecipe, batches, sets: this.#sets, vocabulary: this.#vocabulary };
    await using loader = await BatchLoader.open(loaderOptions({ ...call, cluster: soloCluster }));
    for await (const batch of loader.batches({ epoch: 0, step: 0 })) return await use(batch);
    throw new RangeError("there is a batch");
  }

  get #sets(): { readonly folder: string; readonly splits: readonly string[] }[] {
    return [{ folder: this.pathOf("set"), splits: ["train"] }];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#temporary[Symbol.asyncDispose]();
  }
}
