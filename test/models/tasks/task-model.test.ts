import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { noDropout } from "../../../src/models/dropout.ts";
import type { PairModel } from "../../../src/models/pair-model.ts";
import { matrix, tensor3 } from "../../../src/models/ranks.ts";
import {
  type TaskHead,
  taskLogits,
  type TaskModel,
  taskScores,
  taskSpecs,
  type TaskView,
} from "../../../src/models/tasks/task-model.ts";
import { initialiseWeights } from "../../../src/models/weights.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";
import { uniform } from "../parity-fixture.ts";

const [HIDDEN, VISUAL] = [8, 2];

beforeAll(async () => {
  await loadTensorFlow();
});

/** A model whose every output is a word's id plus the sum of the visual tokens that are no pads. */
const summing: PairModel = {
  specs: [],
  buffers: [],
  pictureTensors: () => ({}),
  embed: () => ({ tokens: tf.zeros([1, 1, HIDDEN]), mask: tf.ones([1, 1], "int32") }),
  fuse: (_, { tokenIds, tokenMask, visual }) => {
    const shown = tf.mul(visual.tokens, tf.expandDims(tf.cast(visual.mask, "float32"), 2));
    const words = tf.cast(tf.mul(tokenIds, tokenMask), "float32");
    const ids = tf.expandDims(tf.expandDims(tf.sum(words, 1), 1), 2); // [B, 1, 1]
    const picture = tf.sin(tf.add(tf.sum(shown, 1, true), ids)); // [B, 1, D]
    return {
      text: tensor3(tf.tile(picture, [1, tokenIds.shape[1], 1])),
      visual: tensor3(tf.add(visual.tokens, picture)),
    };
  },
  matchingLogits: () => tf.zeros([1, 2]),
  languageLogits: () => tf.zeros([1, 1]),
};

const modelOf = (head: TaskHead): TaskModel => ({
  head,
  hiddenSize: HIDDEN,
  heads: 2,
  reads: "first",
});

interface Asked {
  /** Word ids of each row. */
  readonly rows: readonly number[];
  /** Numbers of the pictures, a row's own first. */
  readonly pictures: readonly number[];
  readonly pictureOfPair: readonly number[];
  readonly view?: TaskView;
}

/** Logits of a head, whose weights are drawn, rows of numbers. */
function logitsOf(head: TaskHead, asked: Asked): number[][] {
  const task = modelOf(head);
  return tf.tidy(() => {
    const weights = initialiseWeights(taskSpecs(task), { seed: 3, scale: "fan-in" });
    const tokenIds = tf.tensor2d(asked.rows.map((id) => [1, id, 0]), undefined, "int32"); // prettier-ignore
    const tokenMask = tf.tensor2d(asked.rows.map(() => [1, 1, 0]), undefined, "int32"); // prettier-ignore
    const tokens = asked.pictures.map((picture) =>
      tf.tensor2d(uniform(picture, "picture", [VISUAL, HIDDEN]), [VISUAL, HIDDEN]),
    );
    const mask = asked.pictures.map((picture) => [1, picture % 2]);
    const logits = taskLogits(
      weights,
      { model: summing, task },
      {
        tokenIds,
        tokenMask,
        pictures: {
          tokens: tensor3(tf.stack(tokens)),
          mask: tf.tensor2d(mask, undefined, "int32"),
        },
        pictureOfPair: tf.tensor1d([...asked.pictureOfPair], "int32"),
        view: asked.view ?? "both",
        dropout: noDropout,
      },
    );
    return matrix(taskScores(task, logits)).arraySync();
  });
}

const pairHeads = ["pair", "triplet", "pair-biattn"] as const;

describe("a task's head", () => {
  it.each(pairHeads)("H-2: %s reads each statement beside its own two pictures", (head) => {
    const kind = { kind: "picture-pair", head } as const;
    const together = logitsOf(kind, {
      rows: [5, 6],
      pictures: [1, 2, 3, 4],
      pictureOfPair: [0, 2],
    });
    const first = logitsOf(kind, { rows: [5], pictures: [1, 2], pictureOfPair: [0] });
    const second = logitsOf(kind, { rows: [6], pictures: [3, 4], pictureOfPair: [0] });
    for (const [place, row] of [...first, ...second].entries()) {
      expect(row).toHaveLength(2);
      for (const [label, logit] of row.entries()) {
        expect(together[place]?.[label]).toBeCloseTo(logit, 5);
      }
    }
  });

  it.each(["pair", "pair-biattn"] as const)("H-2: %s tells left from right", (head) => {
    const kind = { kind: "picture-pair", head } as const;
    const asked = { rows: [5], pictureOfPair: [0] };
    const [one] = logitsOf(kind, { ...asked, pictures: [1, 2] });
    const [other] = logitsOf(kind, { ...asked, pictures: [2, 1] });
    expect(one?.[0]).not.toBeCloseTo(other?.[0] ?? 0, 3);
  });

  it("H-3: choices are four scores a question, each of its own row", () => {
    const rows = [5, 6, 7, 8];
    const pictureOfPair = [0, 0, 0, 0];
    const asked = { rows, pictures: [1], pictureOfPair };
    const [scores = []] = logitsOf({ kind: "choices" }, asked);
    expect(scores).toHaveLength(4);
    const swapped = logitsOf({ kind: "choices" }, { ...asked, rows: [6, 5, 7, 8] });
    expect(swapped[0]?.[0]).toBeCloseTo(scores[1] ?? 0, 5);
    expect(swapped[0]?.[1]).toBeCloseTo(scores[0] ?? 0, 5);
  });

  it.each(["one-layer", "two-layer"] as const)(
    "H-3: a padded region is never taken (%s)",
    (head) => {
      const regions = logitsOf(
        { kind: "regions", head },
        { rows: [5, 5], pictures: [1, 2], pictureOfPair: [0, 1] },
      );
      expect(regions.map((row) => row.map((logit) => logit < -1000))).toEqual([
        [false, false],
        [false, true], // picture 2 has one token
      ]);
    },
  );

  it.each([1, 2] as const)("gives a logit to each answer by %i layers", (layers) => {
    const head = { kind: "answers", layers, numAnswers: 7 } as const;
    const logits = logitsOf(head, { rows: [5], pictures: [1], pictureOfPair: [0] });
    expect(logits.map((row) => row.length)).toEqual([7]);
  });

  it.each([
    { kind: "answers", layers: 1, numAnswers: 3 },
    { kind: "picture-pair", head: "triplet" },
  ] as const)("sees nothing of the other side in a blind control ($kind)", (head) => {
    const asked = { rows: [5], pictures: [1, 3], pictureOfPair: [0] };
    const pictures =
      head.kind === "answers"
        ? [[1], [3]]
        : [
            [1, 3],
            [5, 1],
          ];
    const logits = (view: TaskView, row: number, shown: readonly number[]): number[][] =>
      logitsOf(head, { ...asked, rows: [row], pictures: shown, view });
    const [one = [], other = []] = pictures;
    expect(logits("text", 5, other)).toEqual(logits("text", 5, one));
    expect(logits("text", 6, one)).not.toEqual(logits("text", 5, one));
    expect(logits("picture", 6, one)).toEqual(logits("picture", 5, one));
    expect(logits("picture", 5, other)).not.toEqual(logits("picture", 5, one));
  });
});
