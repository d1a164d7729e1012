// How long a checkpoint holds a run up, and how long it takes in the background.
//   node bench/checkpoints.ts [millions of weights]
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { loadTensorFlow } from "../src/tensor/load.ts";
import { checkpointParts } from "../src/train/checkpoints/checkpoint-parts.ts";
import { CheckpointWriter } from "../src/train/checkpoints/checkpoint-writer.ts";
import { recipeNamed } from "../src/train/recipes/recipe-named.ts";
import { runRecord } from "../src/train/run/run-record.ts";
import { flatLayout } from "../src/train/step/flat-weights.ts";

const NUM_CHECKPOINTS = 3;

await loadTensorFlow();
const numWeights = Number(process.argv[2] ?? 30) * 1e6;
const rows = 1000;
const specs = Array.from({ length: 10 }, (_, index) => ({
  name: `layer.${index}`,
  shape: [rows, numWeights / rows / 10],
  initialisation: "zeros" as const,
}));
const layouts = { layout: flatLayout(specs), bufferLayout: flatLayout([]) };
const vector = (): tf.Tensor1D => tf.randomUniform([numWeights]);
const state = {
  weights: vector(),
  firstMoment: vector(),
  secondMoment: vector(),
  buffers: tf.zeros<tf.Rank.R1>([0]),
  average: tf.zeros<tf.Rank.R1>([0]),
};
const record = runRecord({
  recipe: recipeNamed("demo"),
  vocabularySha256: "",
  setDigests: [],
  audit: { digest: "", clean: true },
});
const loader = { version: 1, seed: 1, epoch: 0, step: 0, setDigests: [] } as const;

const folder = await mkdtemp(join(tmpdir(), "crossweave-checkpoints-"));
await using writer = new CheckpointWriter(({ sizeBytes, step, writeMs }) => {
  const megabytes = (sizeBytes / 1e6).toFixed(0);
  process.stdout.write(`${step}: ${megabytes} MB written in ${writeMs.toFixed(0)} ms\n`);
  return Promise.resolve();
});
for (let step = 1; step <= NUM_CHECKPOINTS; step += 1) {
  const startMs = performance.now();
  const parts = await checkpointParts({ step, record, state, loader }, layouts);
  await writer.write({ folder, parts, options: { keepLast: 1 } });
  process.stdout.write(`${step}: held up for ${(performance.now() - startMs).toFixed(0)} ms\n`);
  await writer.settled();
}
await rm(folder, { recursive: true });
