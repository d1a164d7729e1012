import * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend } from "./backend.ts";

/**
 * Uniform numbers in [0, 1), a pure function of shape and seed (TensorFlow's StatelessRandomUniform,
 * Philox 4x32-10): float32 of the given shape. The seed is two 32-bit words,
 * in a tensor [2] of int32 where a compiled step draws.
 */
export function statelessUniform<R extends tf.Rank>(
  shape: tf.ShapeMap[R],
  seed: readonly [number, number] | tf.Tensor1D,
): tf.Tensor<R> {
  const backend = tensorFlowBackend();
  const { TF_ATTR_TYPE, TF_FLOAT, TF_INT32 } = backend.binding;
  const shapeTensor = tf.tensor1d(shape, "int32");
  const seedTensor =
    seed instanceof tf.Tensor
      ? tf.clone(seed)
      : tf.tensor1d(
          Int32Array.from(seed, (word) => word | 0),
          "int32",
        );
  const drawn = backend.executeSingleOutput(
    "StatelessRandomUniform",
    [
      { name: "dtype", type: TF_ATTR_TYPE, value: TF_FLOAT },
      { name: "T", type: TF_ATTR_TYPE, value: TF_INT32 },
      { name: "Tseed", type: TF_ATTR_TYPE, value: TF_INT32 },
    ],
    [shapeTensor, seedTensor],
  );
  tf.dispose([shapeTensor, seedTensor]);
  return tf.reshape<R>(drawn, shape);
}

/** Rows of a table of random numbers that has no end. */
export interface UniformRows {
  /** Names the table: two 32-bit words, [2] of int32. */
  readonly key: tf.Tensor1D;
  /** [1] of int32 */
  readonly firstRow: tf.Tensor1D;
  readonly numRows: number;
  readonly rowLength: number;
}

/**
 * Rows of uniform numbers in [0, 1), float32 [numRows, rowLength]: row r depends on the key and on r alone, so that
 * processes that share a table's rows draw together what one would draw (StatelessRandomUniformV2: Philox 4x32-10 gives
 * four numbers for each count of its counter, which a row therefore begins anew).
 */
export function statelessUniformRows(rows: UniformRows): tf.Tensor2D {
  const { TF_ATTR_TYPE, TF_FLOAT, TF_INT32 } = tensorFlowBackend().binding;
  const countsOfRow = Math.ceil(rows.rowLength / NUMBERS_OF_A_COUNT);
  return tf.tidy(() => {
    const firstCount = tf.mul(rows.firstRow, tf.scalar(countsOfRow, "int32")); // [1]
    const counter = tf.reshape<tf.Rank.R2>(tf.pad(firstCount, [[0, 3]]), [2, 2]);
    const shape = [rows.numRows, countsOfRow * NUMBERS_OF_A_COUNT] as const;
    const drawn = tensorFlowBackend().executeSingleOutput(
      "StatelessRandomUniformV2",
      [
        { name: "dtype", type: TF_ATTR_TYPE, value: TF_FLOAT },
        { name: "Tshape", type: TF_ATTR_TYPE, value: TF_INT32 },
      ],
      [
        tf.tensor1d([...shape], "int32"),
        longWords(tf.reshape<tf.Rank.R2>(rows.key, [1, 2])),
        longWords(counter),
        tf.scalar(PHILOX, "int32"),
      ],
    );
    return tf.slice(tf.reshape<tf.Rank.R2>(drawn, [...shape]), 0, [rows.numRows, rows.rowLength]);
  });
}

const NUMBERS_OF_A_COUNT = 4;
/** Of TensorFlow's `RNG_ALG` numbers. */
const PHILOX = 1;
const TF_UINT64 = 23;

/** Pairs of 32-bit words [n, 2] as n words of 64 bits, the low half first; tfjs, which has no such type, calls them int32. */
function longWords(pairs: tf.Tensor2D): tf.Tensor {
  const backend = tensorFlowBackend();
  const { TF_ATTR_TYPE, TF_INT32 } = backend.binding;
  const attributes = [
    { name: "T", type: TF_ATTR_TYPE, value: TF_INT32 },
    { name: "type", type: TF_ATTR_TYPE, value: TF_UINT64 },
  ];
  const [words] = backend.binding.executeOp(
    "Bitcast",
    attributes,
    backend.getInputTensorIds([pairs]),
    1,
  );
  if (words === undefined) throw new RangeError("Bitcast gives one tensor");
  return backend.createOutputTensor({ ...words, dtype: TF_INT32 });
}
