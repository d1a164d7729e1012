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

/** Shares of right answers; the answer is the most probable word of the question's candidates. */
export interface MaskedWordResult {
  readonly numQuestions: number;
  /** Scenes that they are about: questions of one scene are answered alike. */
  readonly numScenes: number;
  readonly accuracy: number;
  /** Beside other scenes' pictures. */
  readonly shuffledAccuracy: number;
  /**
   * What is reached without the picture: by guessing among each question's candidates, or where the whole vocabulary is
   * open by the most frequent answer.
   */
  readonly chance: number;
}

/** How far on, as shares of the split, the scenes lie whose questions are asked beside a picture that is not theirs. */
const SHIFTS = [0.2, 0.4, 0.6, 0.8];

/** Questions that are answered in one run of the model. */
const QUESTIONS_PER_CHUNK = 16;

/**
 * How often a model tells a masked word with the text's own picture, and how often beside the pictures of four other
 * scenes, which tell nothing of it.
 */
export async function evaluateMaskedWords(options: MaskedWordOptions): Promise<MaskedWordResult> {
  await loadTensorFlow();
  const { progress, questions, split } = options;
  const ofScene = Map.groupBy(questions, ({ sceneIndex }) => sceneIndex);
  const shifts = SHIFTS.map((share) => Math.max(1, Math.floor(share * split.numScenes)));
  let [numRight, numRightShuffled, numDone] = [0, 0, 0];
  using device = new ModelOnDevice(options.model);
  using reader = new MaskedWordReader(device);
  for await (const picture of evaluationPictures(split, options)) {
    const { sceneIndex } = picture;
    const visual = device.embed(picture);
    const own = ofScene.get(sceneIndex) ?? [];
    const others = shifts.flatMap(
      (shift) => ofScene.get((sceneIndex + shift) % split.numScenes) ?? [],
    );
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
  const share = (number: number): number => number / Math.max(1, numQuestions);
  return {
    numQuestions,
    numScenes: ofScene.size,
    accuracy: share(numRight),
    shuffledAccuracy: share(numRightShuffled) / SHIFTS.length,
    chance: chanceOf(questions),
  };
}

function chanceOf(questions: readonly MaskedQuestion[]): number {
  const open = questions.filter(({ candidates }) => candidates === undefined);
  const byAnswer = [...Map.groupBy(open, ({ answer }) => answer).values()];
  const mostFrequent = Math.max(0, ...byAnswer.map(({ length }) => length));
  const guessed = questions.reduce(
    (sum, { candidates }) => sum + (candidates === undefined ? 0 : 1 / candidates.length),
    0,
  );
  return (mostFrequent + guessed) / Math.max(1, questions.length);
}

/** The id whose logit is the highest, the first one of equals. */
function mostProbable(logits: Float32Array, candidates: readonly number[] | undefined): number {
  let best = candidates?.[0] ?? 0;
  for (const id of candidates ?? logits.keys()) {
    if ((logits[id] ?? -Infinity) > (logits[best] ?? -Infinity)) best = id;
  }
  return best;
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
      return [model.languageLogits(weights, chosen)]; // [Q, V]
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

  #answers({ mask, tokens }: VisualTokens, chunk: readonly MaskedQuestion[]): number[] {
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
    const [logits] = this.#read.run([...this.#device.tensors, ...inputs, tokens, mask]);
    tf.dispose(inputs);
    if (logits === undefined) throw new RangeError("questions have logits");
    const values = Float32Array.from(logits.dataSync());
    const size = values.length / QUESTIONS_PER_CHUNK;
    logits.dispose();
    return chunk.map(({ candidates }, row) =>
      mostProbable(values.subarray(row * size, (row + 1) * size), candidates),
    );
  }

  [Symbol.dispose](): void {
    this.#read[Symbol.dispose]();
  }
}
