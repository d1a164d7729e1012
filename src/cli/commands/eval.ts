import type { Command } from "commander";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples } from "../program.ts";

interface EvalFlags {
  readonly checkpoint: string;
  readonly data: string;
  readonly split?: string;
  readonly out?: string;
}

/** Adds `crossweave eval`. */
export function addEvalCommand(program: Command): void {
  const command = program
    .command("eval")
    .description("Evaluate a run's newest checkpoint; chance levels stand beside the numbers.")
    .argument("<task>", "retrieval")
    .requiredOption("--checkpoint <run>", "the run's folder")
    .requiredOption("--data <set>", "the folder of a shard set")
    .option("--split <name>", "the split to search; test where there is one")
    .option("--out <folder>", "write results.json and report.html there")
    .action((task: string, flags: EvalFlags) =>
      runCommand(
        {
          command,
          activity: `${task} of ${flags.checkpoint} on ${flags.data}`,
          writesTo: flags.out,
        },
        (context) => evaluate(task, flags, context),
      ),
    );
  addExamples(command, [
    "crossweave eval retrieval --checkpoint runs/demo --data shards/coco",
    "crossweave eval retrieval --checkpoint runs/demo --data shards/coco --split val --out results",
  ]);
}

async function evaluate(
  task: string,
  flags: EvalFlags,
  context: CommandContext,
): Promise<CommandOutcome<unknown>> {
  const { ConfigError } = await import("../../core/errors.ts");
  if (task !== "retrieval") {
    throw new ConfigError(`there is no task "${task}"`, { remedy: "the tasks are: retrieval" });
  }
  const { evaluateRun } = await import("../runs/retrieval.ts");
  const { retrievalJson, retrievalText } = await import("../runs/retrieval-text.ts");
  const call = { run: flags.checkpoint, data: flags.data, split: flags.split };
  const evaluated = await evaluateRun(call, context);
  const result = retrievalJson(evaluated);
  const text = retrievalText(evaluated);
  if (flags.out === undefined) return { result, text };
  const { writeRetrievalReport } = await import("../runs/run-page.ts");
  const report = await writeRetrievalReport(evaluated, { ...call, out: flags.out }, context);
  return { result: { ...result, report }, text: `${text}\nreport: ${report}` };
}
