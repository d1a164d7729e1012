import type { Command } from "commander";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, seedOf } from "../program.ts";

interface EvalFlags {
  readonly checkpoint: string;
  readonly data: string;
  readonly split?: string;
  readonly words?: readonly string[];
  readonly out?: string;
  readonly dryRun?: true;
}

/** Adds `crossweave eval`. */
export function addEvalCommand(program: Command): void {
  const command = program
    .command("eval")
    .description("Evaluate a run's newest checkpoint; chance levels stand beside the numbers.")
    .argument("<task>", "retrieval, masked-words, vqa, nlvr2, snli-ve, vcr or refcoco")
    .requiredOption("--checkpoint <run>", "the run's folder")
    .requiredOption("--data <set>", "the folder of a shard set, or https://… or s3://…")
    .option("--split <name>", "the split to search; test where there is one")
    .option(
      "--words <word...>",
      "masked-words: the words that are asked for, such as red green blue",
    )
    .option("--out <folder>", "write results.json and report.html there")
    .option("--dry-run", "evaluate and print, but leave --out unwritten")
    .action((task: string, flags: EvalFlags) =>
      runCommand(
        {
          command,
          activity: `${task} of ${flags.checkpoint} on ${flags.data}`,
          writesTo: flags.out,
        },
        (context) => evaluate({ task, flags, seed: seedOf(command) }, context),
      ),
    );
  addExamples(command, [
    "crossweave eval retrieval --checkpoint runs/coco --data shards/coco",
    "crossweave eval retrieval --checkpoint runs/demo/run --data runs/demo/shards/coco --split val --out results",
    "crossweave eval vqa --checkpoint runs/vqa --data shards/vqa2 --split val",
    "crossweave eval masked-words --checkpoint runs/demo/run --data runs/demo/shards/coco --split val --words red green blue yellow purple black",
  ]);
}

interface EvalRequest {
  readonly task: string;
  readonly flags: EvalFlags;
  /** Of the unmatched texts and of the examples; the run's unless given. */
  readonly seed: number | undefined;
}

async function evaluate(
  request: EvalRequest,
  context: CommandContext,
): Promise<CommandOutcome<unknown>> {
  switch (request.task) {
    case "retrieval":
      return await evaluateRetrieval(request, context);
    case "masked-words":
      return await askForWords(request, context);
    default:
      return await evaluateHeadedTask(request, context);
  }
}

/** A task that the run was fine-tuned for. */
async function evaluateHeadedTask(
  { flags, task }: EvalRequest,
  context: CommandContext,
): Promise<CommandOutcome<unknown>> {
  const { evaluateTask, headedKinds, taskAccuracyText } =
    await import("../finetuning/task-accuracy.ts");
  const { requireWritable, writeResults } = await import("../runs/results-folder.ts");
  const kind = headedKinds.find((name) => name === task);
  if (kind === undefined) {
    const { ConfigError } = await import("../../core/errors.ts");
    throw new ConfigError(`there is no task "${task}"`, {
      remedy: `the tasks are: retrieval, masked-words, ${headedKinds.join(", ")}`,
    });
  }
  const out = flags.dryRun === true ? undefined : flags.out;
  if (out !== undefined) await requireWritable(out);
  const { checkpoint: run, data, split } = flags;
  const result = await evaluateTask({ kind, run, data, split }, context);
  if (out !== undefined) await writeResults(out, result);
  return { result, text: taskAccuracyText(result) };
}

async function askForWords(
  { flags }: EvalRequest,
  context: CommandContext,
): Promise<CommandOutcome<unknown>> {
  const { askRun, maskedWordText } = await import("../runs/masked-words.ts");
  const { requireWritable, writeResults } = await import("../runs/results-folder.ts");
  const out = flags.dryRun === true ? undefined : flags.out;
  if (out !== undefined) await requireWritable(out);
  const { checkpoint: run, data, split, words = [] } = flags;
  const result = await askRun({ run, data, split, words }, context);
  if (out !== undefined) await writeResults(out, result);
  return { result, text: maskedWordText(result) };
}

async function evaluateRetrieval(
  { flags, seed }: EvalRequest,
  context: CommandContext,
): Promise<CommandOutcome<unknown>> {
  const { evaluateRun } = await import("../runs/retrieval.ts");
  const { retrievalJson, retrievalText } = await import("../runs/retrieval-text.ts");
  const { writeRetrievalReport } = await import("../runs/run-page.ts");
  const { requireWritable } = await import("../runs/results-folder.ts");
  const out = flags.dryRun === true ? undefined : flags.out;
  if (out !== undefined) await requireWritable(out);
  const call = { run: flags.checkpoint, data: flags.data, split: flags.split, seed };
  const evaluated = await evaluateRun(call, context);
  const result = retrievalJson(evaluated);
  const text = retrievalText(evaluated);
  if (out === undefined) return { result, text };
  const report = await writeRetrievalReport(evaluated, { ...call, out }, context);
  return { result: { ...result, report }, text: `${text}\nreport: ${report}` };
}
