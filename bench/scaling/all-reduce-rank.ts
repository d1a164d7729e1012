// A rank of `bench/scaling/main.ts`: sums vectors of the sizes that its argument lists, in bytes; rank 0 prints the
// median seconds of each as JSON. All ranks meet before each sum.

import * as tf from "@tensorflow/tfjs-core";
import { silentProgress } from "../../src/core/progress.ts";
import { parseClusterConfig } from "../../src/tensor/cluster/cluster-config.ts";
import { joinCluster } from "../../src/tensor/cluster/join-cluster.ts";
import { patienceOf } from "../../src/tensor/cluster/patience.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { median } from "../shard-reading/measures.ts";

const BYTES_OF_A_NUMBER = 4;
const WARM_UPS = 2;
const REPEATS = 9;

const config = parseClusterConfig(process.env["TF_CONFIG"]);
if (config === undefined) throw new Error("started by bench/scaling/main.ts");
const sizes = (process.argv[2] ?? "").split(",").map(Number);

await loadTensorFlow();
using cluster = await joinCluster(config, {
  patience: patienceOf(60_000),
  progress: silentProgress,
});
const measured = [];
for (const bytes of sizes) {
  const vector = tf.ones<tf.Rank.R1>([bytes / BYTES_OF_A_NUMBER]);
  const seconds: number[] = [];
  for (let repeat = 0; repeat < WARM_UPS + REPEATS; repeat += 1) {
    await cluster.gather([0]);
    const began = performance.now();
    const sum = await cluster.allReduceSum(vector);
    seconds.push((performance.now() - began) / 1000);
    if (sum.dataSync()[0] !== cluster.size) throw new Error("the sum is wrong");
    sum.dispose();
  }
  vector.dispose();
  measured.push({ bytes, seconds: median(seconds.slice(WARM_UPS)) });
}
if (cluster.rank === 0) console.log(JSON.stringify(measured));
