import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { StateError } from "../../core/errors.ts";
import { WordPieceTokenizer } from "../../loader/text/word-piece.ts";
import type { PairModel } from "../../models/pair-model.ts";
import type { Weights } from "../../models/weights.ts";
import { loadTensorFlow } from "../../tensor/load.ts";
import {
  filesOf,
  latestCheckpoint,
  modelOf,
  verifyCheckpointOf,
} from "../checkpoints/read-checkpoint.ts";
import type { SystemBatches } from "../systems/system.ts";
import { systemOf } from "../systems/system-of-recipe.ts";
import { CHECKPOINTS_FOLDER, readRunRecord, VOCABULARY_FILE } from "./run-folder.ts";
import type { RunRecord } from "./run-record.ts";

/** The model of a run's newest checkpoint; its weights are the caller's to dispose. */
export interface RunModel {
  readonly record: RunRecord;
  readonly step: number;
  readonly model: PairModel;
  /** What the system asks of a loader: how it is shown pictures. */
  readonly batches: SystemBatches;
  /** Weights and buffers. */
  readonly weights: Weights;
  readonly tokenizer: WordPieceTokenizer;
}

/** Loads the model of a run. SourceError when the folder holds no run, StateError when no checkpoint fits. */
export async function loadRunModel(run: string): Promise<RunModel> {
  await loadTensorFlow();
  const record = await readRunRecord(run);
  const tokenizer = await WordPieceTokenizer.fromFile(join(run, VOCABULARY_FILE));
  const { batches, model } = systemOf(record.recipe, tokenizer.size);
  const latest = await latestCheckpoint(join(run, CHECKPOINTS_FOLDER));
  if (latest === undefined) {
    throw new StateError(`${run} has no checkpoint yet`, {
      file: run,
      remedy: "let crossweave train come to its first checkpoint",
    });
  }
  const path = filesOf(latest.folder);
  const named = await modelOf(latest.folder, await verifyCheckpointOf(latest.folder, record));
  const weights = [...model.specs, ...model.buffers].map(({ name, shape }) => {
    const found = named.get(name);
    if (found === undefined || found.shape.join() !== shape.join()) {
      throw new StateError(
        `${path}: ${name} has shape [${found?.shape.join(", ") ?? "none"}], the recipe's model [${shape.join(", ")}]`,
        { file: path, record: name, remedy: "load the checkpoint with the version that wrote it" },
      );
    }
    return [name, tf.tensor(found.data, [...shape])] as const;
  });
  const { step } = latest;
  return { record, step, model, batches, weights: Object.fromEntries(weights), tokenizer };
}
