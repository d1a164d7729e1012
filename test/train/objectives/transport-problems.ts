import * as tf from "@tensorflow/tfjs-core";
import type { TransportProblem } from "../../../src/train/objectives/transport.ts";
import { uniform } from "../../models/parity-fixture.ts";

// The TypeScript side of fixtures/make_transport.py: the same problems from the same seed.

export const NUM_PROBLEMS = 100;
const HIDDEN_SIZE = 16;

/** Visual tokens 9 to 49, text tokens 4 to 20. */
export function sizesOf(index: number): { readonly visual: number; readonly text: number } {
  return { visual: 9 + ((index * 7) % 41), text: 4 + (index % 17) };
}

/** Even problems: cosine distances of random features. Odd ones: any costs in [0, 2). In double precision. */
export function costsOf(seed: number, index: number): number[][] {
  const { text, visual } = sizesOf(index);
  if (index % 2 === 1) {
    const drawn = Array.from(uniform(seed, `costs/${index}`, [visual, text]), (cost) => cost + 1);
    return rowsOf(drawn, text);
  }
  const rows = unitRows(uniform(seed, `visual/${index}`, [visual, HIDDEN_SIZE]));
  const columns = unitRows(uniform(seed, `text/${index}`, [text, HIDDEN_SIZE]));
  return rows.map((row) =>
    columns.map((column) => 1 - row.reduce((sum, x, place) => sum + x * (column[place] ?? 0), 0)),
  );
}

/** Problems of different sizes as one, padded at the right and below by `padding`. */
export function batchOf(problems: readonly number[][][], padding = 0): TransportProblem {
  const numVisual = Math.max(...problems.map((costs) => costs.length));
  const numText = Math.max(...problems.map((costs) => costs[0]?.length ?? 0));
  const costs = problems.map((problem) =>
    places(numVisual).map((row) =>
      places(numText).map((column) => problem[row]?.[column] ?? padding),
    ),
  );
  const masks = (width: number, count: (costs: number[][]) => number): tf.Tensor2D =>
    tf.tensor2d(
      problems.map((problem) => places(width).map((place) => Number(place < count(problem)))),
      [problems.length, width],
      "int32",
    );
  return {
    costs: tf.tensor3d(costs),
    visualMask: masks(numVisual, (problem) => problem.length),
    textMask: masks(numText, (problem) => problem[0]?.length ?? 0),
  };
}

function places(count: number): number[] {
  return Array.from({ length: count }, (_, place) => place);
}

function unitRows(values: Float32Array): number[][] {
  return rowsOf([...values], HIDDEN_SIZE).map((row) => {
    const norm = Math.hypot(...row);
    return row.map((value) => value / norm);
  });
}

function rowsOf(values: readonly number[], width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, row) =>
    values.slice(row * width, (row + 1) * width),
  );
}
