import * as tf from "@tensorflow/tfjs-core";
import { gatherRows, gatherSlices } from "../../tensor/gather.ts";
import { matrix } from "../ranks.ts";
import { weight, type Weights } from "../weights.ts";

// B batch, n tokens, D hidden size

const TOKEN_TYPES = "embeddings.token_type_embeddings.weight";

/** The vectors of token types: of ids [B, n], [B, n, D]; of one row, [D]. */
export function tokenTypeEmbedding(weights: Weights, types: tf.Tensor2D | number): tf.Tensor {
  const table = weight(weights, TOKEN_TYPES);
  const hiddenSize = table.shape[1] ?? 0;
  if (typeof types === "number") return tf.reshape(tf.slice(table, types, 1), [hiddenSize]);
  return tf.reshape(gatherRows(table, tf.reshape(types, [-1])), [...types.shape, hiddenSize]);
}

/** From which row of the pre-trained table (0 text, 1 image) each row of a task's table starts (UNITER's code). */
export const tokenTypeSources = {
  /** Words, first picture, second picture. */
  nlvr2: [0, 1, 1],
  /** Question, regions, answer, rationale. */
  vcr: [0, 1, 0, 0],
} as const;

/** A token-type table for a task: row i starts as row `sources[i]` of `table`, [rows, D] to [sources.length, D]. */
export function expandTokenTypes(table: tf.Tensor2D, sources: readonly number[]): tf.Tensor2D {
  return matrix(gatherSlices(table, tf.tensor1d([...sources], "int32"), 0));
}
