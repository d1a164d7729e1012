// A rank of a cluster for tests. Argument: what to do, as JSON; prints what comes of it as lines of JSON.

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { CrossweaveError } from "../../../src/core/errors.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import { RandomStream } from "../../../src/core/random.ts";
import { parseClusterConfig } from "../../../src/tensor/cluster/cluster-config.ts";
import { sumOverRanks, type Cluster } from "../../../src/tensor/cluster/cluster.ts";
import { joinCluster } from "../../../src/tensor/cluster/join-cluster.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";

const task = z
  .object({
    patience: z.object({ silenceMs: z.int(), stallMs: z.int(), startMs: z.int() }),
    numSums: z.int(),
    /** A rank that does something else after so many sums: it waits, or computes without an end. */
    odd: z
      .object({ rank: z.int(), after: z.int(), does: z.enum(["waits", "computes"]) })
      .optional(),
  })
  .parse(JSON.parse(process.argv[2] ?? ""));

const print = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

async function tryEverything(cluster: Cluster): Promise<void> {
  const random = new RandomStream(cluster.rank);
  const values = Float32Array.from({ length: 1001 }, () => random.nextGaussian());
  const vector = tf.tensor2d(values, [7, 143]);
  const sum = await cluster.allReduceSum(vector);
  const first = await cluster.broadcast(vector);
  const whole = await cluster.allReduceSum(tf.tensor1d([cluster.rank, 2 ** 30], "int32"));
  print({
    own: [...values.subarray(0, 20)],
    sum: [...sum.dataSync()].slice(0, 20),
    sumDigest: createHash("sha256").update(Float32Array.from(sum.dataSync())).digest("hex"),
    shape: sum.shape,
    first: [...first.dataSync()].slice(0, 20),
    whole: [...whole.dataSync()],
    gathered: (await cluster.gather([cluster.rank, Math.PI * cluster.rank, -0])).map((numbers) =>
      numbers.map((number) => (Object.is(number, -0) ? "-0" : number)),
    ),
    summed: await sumOverRanks(cluster, [0.1, cluster.rank]),
  });
}

async function addManyTimes(cluster: Cluster): Promise<void> {
  const ones = tf.ones([50_000]);
  for (let done = 0; done < task.numSums; done += 1) {
    const { odd } = task;
    if (odd?.rank === cluster.rank && odd.after === done) {
      print({ odd: odd.does });
      if (odd.does === "waits") await sleep(600_000);
      for (;;) tf.dispose(tf.square(ones)); // the event loop does not turn
    }
    tf.dispose(await cluster.allReduceSum(ones));
    if (done % 10 === 0) print({ done });
  }
}

try {
  await loadTensorFlow();
  const config = parseClusterConfig(process.env["TF_CONFIG"]);
  if (config === undefined) throw new Error("TF_CONFIG is missing");
  const { patience } = task;
  using cluster = await joinCluster(config, { patience, progress: silentProgress });
  await tryEverything(cluster);
  await addManyTimes(cluster);
} catch (error) {
  process.stderr.write(`${String(error)}\n`);
  process.exit(error instanceof CrossweaveError ? error.exitCode : 1);
}
