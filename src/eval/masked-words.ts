import * as tf from "@tensorflow/tfjs-core";
import type { Progress } from "../core/progress.ts";
import { evaluationPictures, type PictureOptions } from "../loader/evaluation.ts";
import type { SceneReader } from "../loader/sample-source.ts";
import { noDropout } from "../models/dropout.ts";
import type { VisualTokens } from "../models/pair-model.ts";
import { matrix } from "../models/ranks.ts";
import { type CompiledStep, compile } from "../tensor/compiled/compiled-step.ts";
import { loadTensorFlow } from "../tensor/load.ts";
import { type LoadedModel, ModelOnDevice, repeatPicture } from "./model-on-device.ts";
import type { MaskedQuestion } from "./word-questions.ts";

// m visual tokens, D hidden size, Q questions of a chunk, n text tokens, V vocabulary

export interface MaskedWordOptions extends PictureOptions {
  readonly model: LoadedModel;
  readonly split: SceneReader;
  readonly questions: readonly MaskedQuestion[];
  readonly progress: Progress;
}

/** Shares of right answers; the answer is the most probable word of the whole vocabulary. */
export interface MaskedWordResult {
  readonly numQuestions: number;
  readonly accuracy: number;
  /** Beside another scene's picture. */
  readonly shuffledAccuracy: number;
  /** What the best constant answer reaches: the share of the most frequent word. */
  readonly chance: number;
}

/** Questions that are answered in one run of the model. */
const QUESTIONS_PER_CHUNK = 16;

/**
 * How often a model tells a masked word with the text's own picture, and how often beside the picture of another scene
 * (half the split further on), which tells nothing of it.
 */
export async function evaluateMaskedWords(options: MaskedWordOptions): Promise<MaskedWordResult> {
  await loadTensorFlow();
  const { progress, questions, split } = options;
  const ofScene = Map.groupBy(questions, ({ sceneIndex }) => sceneIndex);
  const shift = Math.max(1, Math.floor(split.numScenes / 2));
  let [numRight, numRightShuffled, numDone] = [0, 0, 0];
  using device = new ModelOnDevice(options.model);
  using reader = new MaskedWordReader(device);
  for await (const picture of evaluationPictures(split, options)) {
    const { sceneIndex } = picture;
    const visual = device.embed(picture);
    const own = ofScene.get(sceneIndex) ?? [];
    const others = ofScene.get((sceneIndex + shift) % split.numScenes) ?? [];
    numRight += reader.numRight(visual, own);
    numRightShuffled += reader.numRight(visual, others);
    tf.dispose([visual.tokens, visual.mask]);
    numDone += own.length;
    progress.report({
      activity: "asking for masked words",
      done: numDone,
      total: questions.length,
      unit: "words",
    });
  }
  const numQuestions = questions.length;
  const numOfAnswers = new Map<number, number>();
  for (const { answer } of questions) {
    numOfAnswers.set(answer, (numOfAnswers.get(answer) ?? 0) + 1);
  }
  const share = (number: number): number => number / Math.max(1, numQuestions);
  return {
    numQuestions,
    accuracy: share(numRight),
    shuffledAccuracy: share(numRightShuffled),
    chance: share(Math.max(0, ...numOfAnswers.values())),
  };
}

class MaskedWordReader implements Disposable {
  readonly #device: ModelOnDevice;
  readonly #read: CompiledStep;

  constructor(device: ModelOnDevice) {
    const { model } = device;
    this.#device = device;
    this.#read = compile((inputs) => {
      const { rest, weights } = device.named(inputs);
      const [tokenIds, tokenMask, positions, tokens, mask] = rest;
      if (!tokenIds || !tokenMask || !positions || !tokens || !mask) {
        throw new RangeError("a chunk of questions is five tensors");
      }
      const numQuestions = positions.size;
      const visual = repeatPicture({ tokens, mask }, numQuestions);
      const pair = { tokenIds: matrix(tokenIds), tokenMask: matrix(tokenMask), visual };
      const { text } = model.fuse(weights, { ...pair, dropout: noDropout });
      const index = tf.stack([tf.range(0, numQuestions, 1, "int32"), positions], 1);
      const chosen = matrix(tf.gatherND(text, tf.cast(index, "int32"))); // [Q, D]
      return [tf.argMax(model.languageLogits(weights, chosen), 1)];
    });
  }

  /** How many of the questions are answered right beside one picture. */
  numRight(visual: VisualTokens, questions: readonly MaskedQuestion[]): number {
    let numRight = 0;
    for (let start = 0; start < questions.length; start += QUESTIONS_PER_CHUNK) {
      const chunk = questions.slice(start, start + QUESTIONS_PER_CHUNK);
      const answers = this.#answers(visual, chunk);
      numRight += chunk.filter(({ answer }, place) => answers[place] === answer).length;
    }
    return numRight;
  }

  #answers({ mask, tokens }: VisualTokens, chunk: readonly MaskedQuestion[]): Int32Array {
    const length = chunk[0]?.tokenIds.length ?? 0;
    const tokenIds = new Int32Array(QUESTIONS_PER_CHUNK * length);
    const tokenMask = new Int32Array(QUESTIONS_PER_CHUNK * length);
    const positions = new Int32Array(QUESTIONS_PER_CHUNK);
    // Rows without a question repeat the last one, so that every run has one shape.
    for (let row = 0; row < QUESTIONS_PER_CHUNK; row += 1) {
      const question = chunk[Math.min(row, chunk.length - 1)];
      if (question === undefined) continue;
      tokenIds.set(question.tokenIds, row * length);
      tokenMask.set(question.tokenMask, row * length);
      positions[row] = question.position;
    }
    const shape: [number, number] = [QUESTIONS_PER_CHUNK, length];
    const inputs = [
      tf.tensor2d(tokenIds, shape, "int32"),
      tf.tensor2d(tokenMask, shape, "int32"),
      tf.tensor1d(positions, "int32"),
    ];
    const [answers] = this.#read.run([...this.#device.tensors, ...inputs, tokens, mask]);
    tf.dispose(inputs);
    const values = Int32Array.from(answers?.dataSync() ?? []);
    answers?.dispose();
    return values;
  }

  [Symbol.dispose](): void {
    this.#read[Symbol.dispose]();
  }
}
