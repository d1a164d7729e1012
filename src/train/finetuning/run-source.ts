import { join } from "node:path";
import { sha256OfFile } from "../../core/digest.ts";
import { StateError } from "../../core/errors.ts";
import { ownLayout } from "../../models/exchange/own-names.ts";
import { AVERAGE_STEM, MODEL_STEM, STATE_FILE } from "../checkpoints/checkpoint-parts.ts";
import { filesOf, latestCheckpoint, verifyCheckpoint } from "../checkpoints/read-checkpoint.ts";
import type { InitialSource } from "../run/initial-weights.ts";
import { CHECKPOINTS_FOLDER, readRunRecord, VOCABULARY_FILE } from "../run/run-folder.ts";
import type { RunRecord } from "../run/run-record.ts";

/** A run whose newest checkpoint another one starts from. */
export interface RunSource {
  readonly record: RunRecord;
  /** Path of its vocabulary. */
  readonly vocabulary: string;
  /** Its weights and buffers, and their moving average where it keeps one, which is then its model. */
  readonly initial: readonly InitialSource[];
}

/** SourceError where `run` is no run, StateError where it has no checkpoint or a damaged one. */
export async function runSource(run: string): Promise<RunSource> {
  const record = await readRunRecord(run);
  const latest = await latestCheckpoint(join(run, CHECKPOINTS_FOLDER));
  if (latest === undefined) {
    throw new StateError(`${run} has no checkpoint yet`, {
      file: run,
      remedy: "let crossweave train come to its first checkpoint",
    });
  }
  const { folder } = latest;
  const { hasAverage } = await verifyCheckpoint(folder);
  // It names the digest of each of the others.
  const sha256 = await sha256OfFile(join(folder, STATE_FILE));
  const stems = hasAverage ? [MODEL_STEM, AVERAGE_STEM] : [MODEL_STEM];
  return {
    record,
    vocabulary: join(run, VOCABULARY_FILE),
    initial: stems.map((stem) => ({
      layout: ownLayout.name,
      path: filesOf(folder, stem),
      sha256,
    })),
  };
}
