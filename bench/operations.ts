// Milliseconds of single TensorFlow operations at the sizes of a small Visual Parsing step (64 texts of
// 69 tokens, 128 wide, 4 heads), and what one operation costs when it has nothing to compute.
// Usage: node bench/operations.ts; TF_ENABLE_ONEDNN_OPTS=0 or TF_NUM_INTRAOP_THREADS=1 before it to compare.
import { availableParallelism } from "node:os";
import * as tf from "@tensorflow/tfjs-core";
import { loadTensorFlow } from "../src/tensor/load.ts";

const SECONDS_PER_ROW = 1;
const NUM_WARM_UPS = 5;

await loadTensorFlow();
console.log(
  `${availableParallelism()} threads, TF_ENABLE_ONEDNN_OPTS ${flag("ENABLE_ONEDNN_OPTS")},`,
);
console.log(`TF_NUM_INTRAOP_THREADS ${flag("NUM_INTRAOP_THREADS")}`);

const one = tf.scalar(1);
const tokens = uniform([4416, 128]);
const hidden = uniform([4416, 512]);
const toHidden = uniform([128, 512]);
const toTokens = uniform([512, 128]);
const queries = uniform([256, 69, 32]);
const keys = uniform([256, 69, 32]);
const weights = uniform([256, 69, 69]);

measure("add of two scalars (an operation's own cost)", () => tf.add(one, one));
measure("add [4416,128]", () => tf.add(tokens, tokens));
measure("matmul [4416,128] x [128,512]", () => tf.matMul(tokens, toHidden), 2 * 4416 * 128 * 512);
measure("matmul [4416,512] x [512,128]", () => tf.matMul(hidden, toTokens), 2 * 4416 * 128 * 512);
measure(
  "matmul [4416,128]^T x [4416,512]",
  () => tf.matMul(tokens, hidden, true, false),
  2 * 4416 * 128 * 512,
);
measure(
  "attention scores [256,69,32]",
  () => tf.matMul(queries, keys, false, true),
  2 * 256 * 69 * 69 * 32,
);
measure("attention values [256,69,69]", () => tf.matMul(weights, keys), 2 * 256 * 69 * 69 * 32);
measure("softmax [256,69,69]", () => tf.softmax(weights));
measure("erf [4416,512]", () => tf.erf(hidden));
measure("exp [4416,512]", () => tf.exp(hidden));

function measure(name: string, operation: () => tf.Tensor, flops?: number): void {
  for (let run = 0; run < NUM_WARM_UPS; run += 1) operation().dispose();
  const start = performance.now();
  let numRuns = 0;
  while (performance.now() - start < SECONDS_PER_ROW * 1000) {
    operation().dispose();
    numRuns += 1;
  }
  const milliseconds = (performance.now() - start) / numRuns;
  const rate = flops === undefined ? "" : `${(flops / milliseconds / 1e6).toFixed(0)} GFLOP/s`;
  console.log(`${name.padEnd(46)}${milliseconds.toFixed(3).padStart(8)} ms  ${rate}`);
}

function uniform<R extends tf.Rank>(shape: tf.ShapeMap[R]): tf.Tensor<R> {
  return tf.randomUniform<R>(shape, -1, 1, "float32", 1);
}

function flag(name: string): string {
  return process.env[`TF_${name}`] ?? "not set";
}
