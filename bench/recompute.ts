// What computing a Transformer's layers again in the backward pass saves in memory and costs in time: the gradient of
// an encoder, captured, in a process of its own with and without (model.transformer.recompute of the recipes).
// Usage: node bench/recompute.ts [--layers 8] [--batch 16] [--length 160] [--execution captured|xla]
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs-core";
import { attentionBias } from "../src/models/bert/attention.ts";
import { encode, encoderSpecs } from "../src/models/bert/encoder.ts";
import { noDropout } from "../src/models/dropout.ts";
import { tensor3, vector } from "../src/models/ranks.ts";
import { initialiseWeights } from "../src/models/weights.ts";
import { compile } from "../src/tensor/compiled/compiled-step.ts";
import { executions, type Step } from "../src/tensor/compiled/options.ts";
import { loadTensorFlow } from "../src/tensor/load.ts";
import { flatLayout, flatten, unflatten } from "../src/train/step/flat-weights.ts";

const STEPS = 4;
const HIDDEN_SIZE = 384;

const { values: flags } = parseArgs({
  options: {
    layers: { type: "string", default: "8" },
    batch: { type: "string", default: "16" },
    length: { type: "string", default: "160" },
    execution: { type: "string", default: "captured" },
    recompute: { type: "boolean" },
    measured: { type: "boolean", default: false },
  },
});
const [layers, batch, length] = [Number(flags.layers), Number(flags.batch), Number(flags.length)];

if (flags.measured) await measure(flags.recompute ?? false);
else {
  console.log(
    `gradient of ${layers} layers x ${HIDDEN_SIZE}, ${batch} x ${length} tokens, ${flags.execution}`,
  );
  for (const recompute of [[], ["--recompute"]]) {
    const run = fork(import.meta.filename, [...process.argv.slice(2), "--measured", ...recompute]);
    await once(run, "exit");
  }
}

/** Runs the gradient and prints what it took; the first run, operation by operation, is part of the peak. */
async function measure(recompute: boolean): Promise<void> {
  const execution = executions.find((name) => name === flags.execution);
  if (execution === undefined) throw new RangeError(`the executions are ${executions.join(", ")}`);
  await loadTensorFlow();
  const config = {
    vocabularySize: 0,
    hiddenSize: HIDDEN_SIZE,
    layers,
    heads: 6,
    intermediateSize: 4 * HIDDEN_SIZE,
    maxPositions: length,
    tokenTypes: 0,
    dropout: 0,
    recompute,
  };
  const layout = flatLayout(encoderSpecs(config));
  const weights = flatten(layout, initialiseWeights(layout.specs, { seed: 1, scale: "published" }));
  const tokens = tf.randomNormal<tf.Rank.R3>([batch, length, HIDDEN_SIZE], 0, 1, "float32", 1);
  const gradientStep: Step = ([flat, given]) => {
    if (flat === undefined || given === undefined) throw new RangeError("weights and tokens");
    const bias = attentionBias(tf.ones([batch, length], "int32"));
    const input = { tokens: tensor3(given), bias, dropout: noDropout };
    const { grad } = tf.valueAndGrad((all: tf.Tensor) =>
      tf.mean(tf.square(encode(unflatten(layout, vector(all)), config, input))),
    )(flat);
    return [grad];
  };
  using step = compile(gradientStep, { execution });
  tf.dispose(step.run([weights, tokens]));
  const used = process.cpuUsage();
  for (let index = 0; index < STEPS; index += 1) tf.dispose(step.run([weights, tokens]));
  const { system, user } = process.cpuUsage(used);
  const cpuMs = (user + system) / 1000 / STEPS;
  const peakMebibytes = process.resourceUsage().maxRSS / 1024;
  const title = recompute ? "computed again" : "kept";
  console.log(
    `${title.padEnd(16)}${cpuMs.toFixed(0).padStart(7)} ms CPU a step ${peakMebibytes.toFixed(0).padStart(7)} MiB at most`,
  );
}
