import { styleText } from "node:util";
import type { Command } from "commander";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, wholeNumber } from "../program.ts";

interface DemoFlags {
  readonly out: string;
  readonly seed: number;
  readonly steps?: number;
}

/** Adds `crossweave demo`. */
export function addDemoCommand(program: Command): void {
  const command = program
    .command("demo")
    .description(
      "Draw a small world with planted leaks, prepare it, audit it, train on it, evaluate, and write a report.",
    )
    .option("--out <folder>", "where world, shards, run and report go", "runs/demo")
    .option("--seed <number>", "draws another world and other weights", wholeNumber, 1)
    .option("--steps <number>", "training steps; the recipe's unless given", wholeNumber)
    .action((flags: DemoFlags) =>
      runCommand(
        { command, activity: `the whole way in ${flags.out}`, writesTo: flags.out },
        (context) => demo(flags, context),
      ),
    );
  addExamples(command, ["crossweave demo", "crossweave demo --out /tmp/demo --seed 2"]);
}

async function demo(flags: DemoFlags, context: CommandContext): Promise<CommandOutcome<unknown>> {
  const { runDemo } = await import("../demo/demo.ts");
  const { promisesOf } = await import("../demo/promises.ts");
  const { retrievalJson, retrievalText } = await import("../runs/retrieval-text.ts");
  const result = await runDemo({ out: flags.out, seed: flags.seed, steps: flags.steps }, context);
  const promises = promisesOf(result);
  const kept = promises.every(({ isKept }) => isKept);
  const lines = promises.map(
    ({ text, isKept }) =>
      `${isKept ? styleText("green", "met    ") : styleText("red", "NOT MET")}  ${text}`,
  );
  return {
    result: {
      planted: result.planted,
      trainingSeconds: result.trainingSeconds,
      evaluation: retrievalJson(result.evaluated),
      promises,
      report: result.report,
    },
    text: [
      retrievalText(result.evaluated),
      "",
      ...lines,
      "",
      `report: ${result.report}`,
      `again: crossweave eval retrieval --checkpoint ${flags.out}/run --data ${flags.out}/shards/coco --split val`,
    ].join("\n"),
    exitCode: kept ? 0 : 1,
  };
}
