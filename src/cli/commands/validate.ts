import type { Command } from "commander";
import type { ValidationReport } from "../../shards/validation/validate-shard-set.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, wholeNumber } from "../program.ts";
import { validationText } from "../validation-text.ts";

/** Adds `crossweave validate`. */
export function addValidateCommand(program: Command): void {
  const command = program
    .command("validate")
    .description(
      "Check shard sets: every byte, text and picture, and every count, against the index.",
    )
    .argument("<set...>", "folders of shard sets")
    .option("--no-decode", "check the digests of the pictures, but do not decode them")
    .option("--max-faults <number>", "how many faults to list; all are counted", wholeNumber, 100)
    .action((folders: readonly string[], options: ValidateOptions) =>
      runCommand({ command, activity: `checking ${folders.join(", ")}` }, (context) =>
        validate(folders, options, context),
      ),
    );
  addExamples(command, [
    "crossweave validate shards/coco",
    "crossweave validate shards/coco shards/coco-fit --json",
  ]);
}

interface ValidateOptions {
  readonly decode: boolean;
  readonly maxFaults: number;
}

/** One set's report, with the time that its check took. */
export interface TimedReport extends ValidationReport {
  readonly seconds: number;
}

async function validate(
  folders: readonly string[],
  options: ValidateOptions,
  context: CommandContext,
): Promise<CommandOutcome<{ isValid: boolean; sets: readonly TimedReport[] }>> {
  const { validateShardSet } = await import("../../shards/validation/validate-shard-set.ts");
  const { decodedSize } = await import("../../ingest/pictures/decoded-size.ts");
  const sets: TimedReport[] = [];
  for (const folder of folders) {
    const start = performance.now();
    const report = await validateShardSet(folder, {
      progress: context.progress,
      signal: context.signal,
      maxListedFaults: options.maxFaults,
      ...(options.decode ? { decode: decodedSize } : {}),
    });
    sets.push({ ...report, seconds: (performance.now() - start) / 1000 });
  }
  const isValid = sets.every((set) => set.isValid);
  return {
    result: { isValid, sets },
    text: sets.map((set) => validationText(set)).join("\n\n"),
    exitCode: isValid ? 0 : EXIT_INVALID,
  };
}

const EXIT_INVALID = 21;
