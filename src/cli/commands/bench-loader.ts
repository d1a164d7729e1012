import { type Command, InvalidArgumentError } from "commander";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import type { BenchFlags, LoaderBenchResult } from "../loader-bench/run-loader-bench.ts";
import { addExamples, collect, positiveNumber, seedOf, wholeNumber } from "../program.ts";

const DEFAULT_SEED = 1;

/** Adds `crossweave bench-loader`. */
export function addBenchLoaderCommand(program: Command): void {
  const command = program
    .command("bench-loader")
    .description(
      "Measure how fast this machine reads, decodes and batches shard sets, and which training steps that feeds.",
    )
    .argument("<set...>", "folders of shard sets, or https://… or s3://…")
    .option("--split <name>", "a split to read; repeatable; all that train unless given", collect)
    .option("--batch <pictures>", "pictures of a batch", positiveNumber, 16)
    .option(
      "--size <pixels>",
      "the side of the squares that pictures are stretched to",
      positiveNumber,
      384,
    )
    .option("--keep-ratio <pixels,pixels>", "shorter and longest side instead: 600,1000", twoSides)
    .option("--crop", "a random part of each picture, 8 % to all of it, as for classifiers")
    .option("--workers <number>", "measure this number of workers alone", positiveNumber)
    .option("--step-ms <times>", "lengths of training steps to feed: 150,300", stepTimes)
    .option("--seconds <number>", "about how long each measurement takes", someTime, 3)
    .option("--vocabulary <file>", "a vocab.txt; one of the set's own words unless given")
    .option("--cache <folder>", "where sets from servers are kept, for all runs of this machine")
    .option("--cache-gigabytes <number>", "how much --cache may hold; 100 if not said", wholeNumber)
    .action((sets: readonly string[], flags: BenchFlags) =>
      runCommand({ command, activity: `measuring with ${sets.join(", ")}` }, (context) =>
        measure({ ...flags, sets, seed: seedOf(command) ?? DEFAULT_SEED }, context),
      ),
    );
  addExamples(command, [
    "crossweave bench-loader shards/coco",
    "crossweave bench-loader shards/coco --crop --size 224 --batch 64 --step-ms 150,300 --json",
  ]);
}

async function measure(
  call: BenchFlags & { readonly sets: readonly string[]; readonly seed: number },
  context: CommandContext,
): Promise<CommandOutcome<LoaderBenchResult>> {
  const { runLoaderBench } = await import("../loader-bench/run-loader-bench.ts");
  const { loaderBenchText } = await import("../loader-bench/loader-bench-text.ts");
  const result = await runLoaderBench(call, context);
  return { result, text: loaderBenchText(result) };
}

function twoSides(text: string): readonly [shorter: number, longer: number] {
  const [shorter = 0, longer = 0, ...others] = text.split(",").map((side) => positiveNumber(side));
  if (others.length === 0 && shorter <= longer) return [shorter, longer];
  throw new InvalidArgumentError("two sides are expected, the shorter one first: 600,1000");
}

function stepTimes(text: string): readonly number[] {
  return text.split(",").map((time) => positiveNumber(time));
}

function someTime(text: string): number {
  if (/^\d{1,4}(\.\d{1,3})?$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError("a number above 0 is expected");
}
