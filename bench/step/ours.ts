// One contestant of bench/step: a case in Crossweave.
// Usage: node bench/step/ours.ts <case> <eager|captured|xla|xla-required> <fp32|bf16>; then as peer.py.
import { createInterface } from "node:readline";
import * as tf from "@tensorflow/tfjs-core";
import { initialiseWeights } from "../../src/models/weights.ts";
import { vector } from "../../src/models/ranks.ts";
import { compile } from "../../src/tensor/compiled/compiled-step.ts";
import { executions, precisions, traceText, type Step } from "../../src/tensor/compiled/options.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { flatLayout, flatten, unflatten } from "../../src/train/step/flat-weights.ts";
import { decaysByShape } from "../../src/train/systems/system.ts";
import { WeightUpdate } from "../../src/train/optimisation/weight-update.ts";
import { caseNamed, OPTIMISATION } from "./cases.ts";

const [, , caseName = "", executionName = "", precisionName = "fp32"] = process.argv;
const measured = caseNamed(caseName);
const execution = executions.find((name) => name === executionName);
const precision = precisions.find((name) => name === precisionName);
if (execution === undefined || precision === undefined) throw new RangeError("no such contestant");
await loadTensorFlow();

const { initialScale: scale, loss, specs } = measured;
const layout = flatLayout(specs);
const compilation = {
  execution,
  precision,
  onTrace: (report: Parameters<typeof traceText>[0]) => console.error(traceText(report)),
};
const gradientStep: Step = ([weights, ...batch]) => {
  if (weights === undefined) throw new RangeError("a step takes weights");
  const { grad, value } = tf.valueAndGrad((flat: tf.Tensor) =>
    loss(unflatten(layout, vector(flat)), batch),
  )(weights);
  return [grad, value];
};
using gradient = compile(gradientStep, { ...compilation, name: "gradient" });
using update = new WeightUpdate({
  layout,
  optimisation: OPTIMISATION,
  isVisual: () => false,
  decays: decaysByShape,
  compilation: { ...compilation, name: "update" },
});
const batch = measured.batch().map(({ data, dtype, shape }) => {
  return tf.tensor(data, [...shape], dtype === "F32" ? "float32" : "int32");
});
let state = tf.tidy(() => ({
  weights: flatten(layout, initialiseWeights(specs, { seed: 1, scale })),
  firstMoment: tf.zeros<tf.Rank.R1>([layout.length]),
  secondMoment: tf.zeros<tf.Rank.R1>([layout.length]),
}));
let numSteps = 0;

console.log(
  JSON.stringify({ version: tf.version_core, threads: process.env["TF_NUM_INTRAOP_THREADS"] }),
);
for await (const line of createInterface({ input: process.stdin })) {
  const times = Number(line.split(" ")[1]);
  const losses: number[] = [];
  const [startMs, cpu] = [performance.now(), process.cpuUsage()];
  for (let index = 0; index < times; index += 1) losses.push(runStep());
  const used = process.cpuUsage(cpu);
  console.log(
    JSON.stringify({
      milliseconds: (performance.now() - startMs) / times,
      cpuMilliseconds: (used.user + used.system) / 1000 / times,
      losses,
      peakMebibytes: process.resourceUsage().maxRSS / 1024,
    }),
  );
}

function runStep(): number {
  numSteps += 1;
  const [grad, value] = gradient.run([state.weights, ...batch]);
  if (grad === undefined || value === undefined) throw new RangeError("a gradient with a loss");
  const updated = update.run({ state, gradient: grad, step: numSteps, rateFactor: 1 });
  tf.dispose(Object.values(state));
  ({ state } = updated);
  const [loss_ = Number.NaN] = value.dataSync();
  tf.dispose([grad, value, updated.gradientNorm]);
  return loss_;
}
