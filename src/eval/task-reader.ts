import * as tf from "@tensorflow/tfjs-core";
import type { EvaluationQuestion } from "../loader/labelled/evaluation-questions.ts";
import { noDropout } from "../models/dropout.ts";
import type { VisualTokens } from "../models/pair-model.ts";
import { matrix, tensor3 } from "../models/ranks.ts";
import { taskLogits, type TaskModel, taskScores, type TaskView } from "../models/tasks/task-model.ts"; // prettier-ignore
import { type CompiledStep, compile } from "../tensor/compiled/compiled-step.ts";
import type { ModelOnDevice } from "./model-on-device.ts";

// Q questions of a chunk, B rows of text (Q, or 4 Q with choices), n text tokens, p pictures of a scene, C classes

/** Questions that are answered in one run of the model. */
const QUESTIONS_PER_CHUNK = 16;

/** Answers questions about one scene at a time. */
export class TaskReader implements Disposable {
  readonly #device: ModelOnDevice;
  readonly #task: TaskModel;
  readonly #read = new Map<TaskView, CompiledStep>();

  constructor(device: ModelOnDevice, task: TaskModel) {
    this.#device = device;
    this.#task = task;
  }

  /** The class, choice or region that the model takes for each question; `visual` are the scene's pictures, [p, m, D]. */
  answers(
    visual: VisualTokens,
    questions: readonly EvaluationQuestion[],
    view: TaskView,
  ): readonly number[] {
    const chosen: number[] = [];
    for (let start = 0; start < questions.length; start += QUESTIONS_PER_CHUNK) {
      const chunk = questions.slice(start, start + QUESTIONS_PER_CHUNK);
      chosen.push(...this.#chunk(visual, chunk, view));
    }
    return chosen;
  }

  #chunk(
    { mask, tokens }: VisualTokens,
    chunk: readonly EvaluationQuestion[],
    view: TaskView,
  ): readonly number[] {
    const rows = rowTensors(chunk);
    const [scores] = this.#reading(view).run([...this.#device.tensors, ...rows, tokens, mask]);
    tf.dispose(rows);
    if (scores === undefined) throw new RangeError("questions have scores");
    const best = tf.tidy(() => tf.argMax(scores, 1));
    const chosen = Array.from(best.dataSync()).slice(0, chunk.length);
    tf.dispose([scores, best]);
    return chosen;
  }

  /** Each view is a function of its own. */
  #reading(view: TaskView): CompiledStep {
    const known = this.#read.get(view);
    if (known !== undefined) return known;
    const compiled = compile((inputs) => [this.#scores(inputs, view)]);
    this.#read.set(view, compiled);
    return compiled;
  }

  /** [Q, C] */
  #scores(inputs: readonly tf.Tensor[], view: TaskView): tf.Tensor2D {
    const { rest, weights } = this.#device.named(inputs);
    const [tokenIds, tokenMask, tokens, mask] = rest;
    if (!tokenIds || !tokenMask || !tokens || !mask) {
      throw new RangeError("a chunk of questions is four tensors");
    }
    const [numPictures = 1] = tokens.shape;
    const [numRows = 0] = tokenIds.shape;
    const rowsPerQuestion = numRows / QUESTIONS_PER_CHUNK;
    const pictures = {
      tokens: tensor3(tf.tile(tokens, [QUESTIONS_PER_CHUNK, 1, 1])),
      mask: matrix(tf.tile(mask, [QUESTIONS_PER_CHUNK, 1])),
    };
    const pictureOfPair = Int32Array.from(
      { length: numRows },
      (_, row) => Math.floor(row / rowsPerQuestion) * numPictures,
    );
    const logits = taskLogits(
      weights,
      { model: this.#device.model, task: this.#task },
      {
        tokenIds: matrix(tokenIds),
        tokenMask: matrix(tokenMask),
        pictures,
        pictureOfPair: tf.tensor1d(pictureOfPair, "int32"),
        view,
        dropout: noDropout,
      },
    );
    return taskScores(this.#task, logits);
  }

  [Symbol.dispose](): void {
    for (const read of this.#read.values()) read[Symbol.dispose]();
  }
}

/** Token ids and their mask, [B, n] each; a last chunk is filled up by its last question, so that every run has one shape. */
function rowTensors(chunk: readonly EvaluationQuestion[]): [tf.Tensor2D, tf.Tensor2D] {
  const last = chunk.at(-1);
  const filled = Array.from({ length: QUESTIONS_PER_CHUNK }, (_, place) => chunk[place] ?? last);
  const rows = filled.flatMap((question) => question?.rows ?? []);
  const shape: [number, number] = [rows.length, rows[0]?.tokenIds.length ?? 0];
  const ids = new Int32Array(shape[0] * shape[1]);
  const mask = new Int32Array(ids.length);
  for (const [place, row] of rows.entries()) {
    ids.set(row.tokenIds, place * shape[1]);
    mask.set(row.tokenMask, place * shape[1]);
  }
  return [tf.tensor2d(ids, shape, "int32"), tf.tensor2d(mask, shape, "int32")];
}
