// Data parallelism on paper: `node bench/scaling/main.ts` measures sums of 2 and 3 ranks on this machine, tells what the
// ring's cost model makes of them, and what it expects of 8, 64 and 512 GPUs at the papers' batch sizes. Prints Markdown.
// Of GPUs nothing is measured: their figures are public specifications and stated assumptions.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { z } from "zod";
import { clusterConfigText } from "../../src/tensor/cluster/cluster-config.ts";
import { freeLocalAddresses } from "../../src/tensor/cluster/local-addresses.ts";
import {
  allReduceSeconds,
  bytesSent,
  type Fabric,
  fittedNetwork,
  type Measured,
  ringSeconds,
} from "./cost-model.ts";
import { soho, uniter, visualParsing, type Workload } from "./workloads.ts";

const BYTES_OF_A_WEIGHT = 4;
const MEGABYTE = 1e6;
const GIGABYTE = 1e9;
const sizes = [4000, MEGABYTE, 10 * MEGABYTE, 100 * MEGABYTE];

/** Assumptions: what is reached of a link's rate, and the latencies of NCCL. */
const LINK_SHARE = 0.8;
const LATENCY_INSIDE = 5e-6;
const LATENCY_BETWEEN = 10e-6;

interface Gpu {
  readonly fabric: Fabric;
  /** Dense bfloat16, public specification. */
  readonly peakFlops: number;
}

/** Assumption: the share of the peak that a step's matrix products reach. */
const COMPUTE_SHARE = 0.35;

/** A machine of 8 GPUs; bytes per second and direction of a GPU's links to the others, and of its network card. */
function machine(name: string, peakTeraflops: number, links: readonly [number, number]): Gpu {
  const [inside, between] = links;
  return {
    peakFlops: peakTeraflops * 1e12,
    fabric: {
      name,
      ranksOfMachine: 8,
      inside: { bytesPerSecond: LINK_SHARE * inside * GIGABYTE, latency: LATENCY_INSIDE },
      between: { bytesPerSecond: LINK_SHARE * between * GIGABYTE, latency: LATENCY_BETWEEN },
    },
  };
}

const gpus = [
  // NVLink 3, 600 GB/s in both directions together; HDR InfiniBand, 200 Gb/s a GPU
  machine("DGX A100", 312, [300, 25]),
  // NVLink 4, 900 GB/s in both directions together; NDR InfiniBand, 400 Gb/s a GPU
  machine("DGX H100", 989, [450, 50]),
];

const measuredSchema = z.array(z.object({ bytes: z.number(), seconds: z.number() }));

async function measure(numRanks: number): Promise<Measured[]> {
  const addresses = await freeLocalAddresses(numRanks);
  const printed = await Promise.all(
    addresses.map((_, rank) => {
      const program = join(import.meta.dirname, "all-reduce-rank.ts");
      const child = spawn(process.execPath, [program, sizes.join()], {
        env: { ...process.env, TF_CONFIG: clusterConfigText({ rank, addresses }) },
        stdio: ["ignore", "pipe", "inherit"],
      });
      return text(child.stdout);
    }),
  );
  return measuredSchema.parse(JSON.parse(printed[0] ?? ""));
}

function reportMeasured(numRanks: number, measured: readonly Measured[]): void {
  const [smallest] = measured;
  const largest = measured.at(-1);
  if (smallest === undefined || largest === undefined) throw new Error("nothing was measured");
  const network = fittedNetwork(numRanks, [smallest, largest]);
  for (const { bytes, seconds } of measured) {
    const rate = bytesSent(bytes, numRanks) / seconds / GIGABYTE;
    const modelled = ringSeconds(bytes, numRanks, network);
    console.log(
      `| ${numRanks} | ${(bytes / MEGABYTE).toLocaleString("en-US")} MB | ${milliseconds(seconds)} | ${rate.toFixed(2)} GB/s | ${milliseconds(modelled)} |`,
    );
  }
}

/** One step of a workload: numbers to gather, the gradient, the losses. */
function step({ flops, numWeights }: Workload, { fabric, peakFlops }: Gpu, numRanks: number) {
  const gradient = numWeights * BYTES_OF_A_WEIGHT;
  const compute = flops / numRanks / (COMPUTE_SHARE * peakFlops);
  const communicate =
    allReduceSeconds(gradient, numRanks, fabric) + 2 * allReduceSeconds(64, numRanks, fabric);
  return { gradient, compute, communicate, efficiency: compute / (compute + communicate) };
}

function reportExpected(workload: Workload, gpu: Gpu): void {
  for (const numRanks of [8, 64, 512]) {
    if (numRanks > workload.mostRanks) continue;
    const { communicate, compute, efficiency, gradient } = step(workload, gpu, numRanks);
    const cells = [
      workload.name,
      gpu.fabric.name,
      numRanks,
      `${(bytesSent(gradient, numRanks) / MEGABYTE).toFixed(0)} MB`,
      milliseconds(compute),
      milliseconds(communicate),
      `${(100 * efficiency).toFixed(0)} %`,
      (numRanks * efficiency).toFixed(0),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

const milliseconds = (seconds: number): string => {
  const ms = 1000 * seconds;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
};

console.log("| ranks | vector | all-reduce, median of 9 | sent by each rank | cost model |");
console.log("| --- | --- | --- | --- | --- |");
for (const numRanks of [2, 3]) reportMeasured(numRanks, await measure(numRanks));
console.log(
  "\n| step | machines | GPUs | sent by each GPU | computing | adding | efficiency | worth |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
for (const workload of [visualParsing(), soho(), uniter()]) {
  for (const gpu of gpus) reportExpected(workload, gpu);
}
