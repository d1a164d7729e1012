// Training steps in Crossweave and in PyTorch, in turns in the same run: the same maths on the same weights and batch
// (forward, backward, clipping, AdamW), with the losses of both compared.
// Usage: node bench/step/main.ts --python <python with torch 2.13.0> [--case encoder|recomputed|swin|parsing] [--rounds 7]
//   [--steps 3] [--threads 2] [--contestant eager,captured,xla,bf16,torch,torch-compile]
// Times are medians over the rounds of the mean step; on a machine that does other work, only those of the processor
// can be compared, best with --threads 1 (PyTorch's threads wait busily for each other).
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { initialiseWeights } from "../../src/models/weights.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { writeSafetensors } from "../../src/tensor/safetensors.ts";
import type { NamedTensor } from "../../src/tensor/weight-files/element-types.ts";
import { caseNamed, stepCases, type StepCase } from "./cases.ts";
import { Contestant, type Plan, type Turn } from "./contestant.ts";

const { values: flags } = parseArgs({
  options: {
    python: { type: "string" },
    case: { type: "string", multiple: true },
    contestant: { type: "string" },
    rounds: { type: "string", default: "7" },
    steps: { type: "string", default: "3" },
    threads: { type: "string", default: String(availableParallelism()) },
  },
});
const [numRounds, stepsPerTurn] = [Number(flags.rounds), Number(flags.steps)];
const folder = await mkdtemp(join(tmpdir(), "crossweave-steps-"));
try {
  await loadTensorFlow();
  console.log(`${flags.threads} threads, ${numRounds} rounds of ${stepsPerTurn} steps`);
  for (const name of flags.case ?? Object.keys(stepCases)) await measureCase(name);
} finally {
  await rm(folder, { recursive: true });
}

interface Result {
  readonly plan: Plan;
  /** The first step, with everything that is compiled for it. */
  readonly first: Turn;
  readonly turns: Turn[];
}

async function measureCase(name: string): Promise<void> {
  const measured = caseNamed(name);
  const path = join(folder, `${name}.safetensors`);
  await writeSafetensors(path, tensorsOf(measured));
  await using running = new AsyncDisposableStack();
  const entrants: { readonly contestant: Contestant; readonly result: Result }[] = [];
  for (const plan of plansOf(name, path)) {
    const contestant = running.use(await Contestant.open(plan));
    const first = await contestant.step(1);
    entrants.push({ contestant, result: { plan, first, turns: [] } });
    await contestant.step(2); // what else is made at first use
  }
  for (let round = 0; round < numRounds; round += 1) {
    for (const { contestant, result } of entrants) {
      result.turns.push(await contestant.step(stepsPerTurn));
    }
  }
  print(
    measured,
    entrants.map(({ result }) => result),
  );
}

function tensorsOf({ batch, initialScale: scale, specs }: StepCase): NamedTensor[] {
  const weights = initialiseWeights(specs, { seed: 1, scale });
  const named = specs.map(({ name, shape }): NamedTensor => {
    const values = weights[name]?.dataSync() ?? [];
    return { name: `weight:${name}`, dtype: "F32", shape, data: Float32Array.from(values) };
  });
  return [...named, ...batch().map((tensor) => ({ ...tensor, name: `batch:${tensor.name}` }))];
}

function plansOf(name: string, path: string): Plan[] {
  const { threads } = flags;
  const env = {
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: threads,
    OMP_NUM_THREADS: threads,
  };
  const ours = join(import.meta.dirname, "ours.ts");
  const own = (execution: string, precision: string): Plan["command"] => [
    process.execPath,
    ours,
    name,
    execution,
    precision,
  ];
  const { python = "python3" } = flags;
  const peer = join(import.meta.dirname, "peer.py");
  const plans: Readonly<Record<string, Plan["command"]>> = {
    eager: own("eager", "fp32"),
    captured: own("captured", "fp32"),
    xla: own("xla", "fp32"),
    bf16: own("captured", "bf16"),
    torch: [python, peer, name, "eager", path],
    "torch-compile": [python, peer, name, "compiled", path],
  };
  const chosen = flags.contestant?.split(",") ?? Object.keys(plans);
  return chosen.flatMap((title) => {
    const command = plans[title];
    if (command === undefined) throw new RangeError(`no contestant ${title}`);
    return [{ title, command, env }];
  });
}

function print({ title }: StepCase, results: readonly Result[]): void {
  const torch = results.find(({ plan }) => plan.title === "torch");
  const eager = results.find(({ plan }) => plan.title === "eager");
  console.log(`\n${title}`);
  console.log(
    row(["", "ms", "CPU ms", "x torch", "CPU x", "first ms", "CPU", "MiB", "loss off by"]),
  );
  for (const result of results) {
    const { first, plan, turns } = result;
    const [milliseconds, cpu] = [wallOf(result), cpuOf(result)];
    console.log(
      row([
        plan.title,
        milliseconds.toFixed(0),
        cpu.toFixed(0),
        torch === undefined ? "" : (milliseconds / wallOf(torch)).toFixed(2),
        torch === undefined ? "" : (cpu / cpuOf(torch)).toFixed(2),
        first.milliseconds.toFixed(0),
        first.cpuMilliseconds.toFixed(0),
        (turns.at(-1)?.peakMebibytes ?? 0).toFixed(0),
        torch === undefined ? "" : relative(first.losses, torch.first.losses).toExponential(1),
      ]),
    );
  }
  const captured = results.find(({ plan }) => plan.title === "captured");
  if (eager === undefined || captured === undefined) return;
  const ratio = captured.first.cpuMilliseconds / cpuOf(eager);
  const first = captured.first.cpuMilliseconds / eager.first.cpuMilliseconds;
  console.log(
    `first captured step: ${ratio.toFixed(1)} eager steps of CPU, ${first.toFixed(1)} first eager steps`,
  );
}

function row([name = "", ...numbers]: readonly string[]): string {
  return name.padEnd(14) + numbers.map((text) => text.padStart(11)).join("");
}

function wallOf({ turns }: Result): number {
  return median(turns.map((turn) => turn.milliseconds));
}

function cpuOf({ turns }: Result): number {
  return median(turns.map((turn) => turn.cpuMilliseconds));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function relative(
  [a = Number.NaN]: readonly number[],
  [b = Number.NaN]: readonly number[],
): number {
  return Math.abs(a - b) / Math.abs(b);
}
