import type { Command } from "commander";
import { StateError } from "../../core/errors.ts";
import type { ValidationReport } from "../../shards/validation/validate-shard-set.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, collect, wholeNumber } from "../program.ts";

/** Adds `crossweave validate`. */
export function addValidateCommand(program: Command): void {
  const command = program
    .command("validate")
    .description(
      "Check shard sets: every byte, text and picture, and every count, against the index.",
    )
    .argument("<set...>", "folders of shard sets, or https://… or s3://…")
    .option("--no-decode", "check the digests of the pictures, but do not decode them")
    .option(
      "--quick",
      "hash each byte once: the files' digests, and those of batches and rows only where a file's is wrong; implies --no-decode",
    )
    .option(
      "--repair",
      "make faulty shards and the ledger again from the source folder; never writes other bytes than the index names",
    )
    .option("--digest <sha256>", "the digest that the set must have: 22 when it is another set")
    .option(
      "--source <folder>",
      "with --repair: the official downloads, or folders of your own, the set was made from; repeatable",
      collect,
    )
    .option("--policy <name>", "with --repair: the leak policy, where it was a file of your own")
    .option("--exclude <file>", "with --repair: the exclusion list that the set was made with")
    .option("--workers <number>", "with --repair: pictures decoded at a time", wholeNumber)
    .option("--max-faults <number>", "how many faults to list; all are counted", wholeNumber, 100)
    .action((folders: readonly string[], options: ValidateOptions) =>
      runCommand({ command, activity: `checking ${folders.join(", ")}` }, (context) =>
        validate(folders, options, context),
      ),
    );
  addExamples(command, [
    "crossweave validate shards/coco",
    "crossweave validate shards/coco shards/coco-fit --json",
    "crossweave validate shards/coco --repair --source downloads",
  ]);
}

interface ValidateOptions {
  readonly decode: boolean;
  readonly maxFaults: number;
  readonly quick?: true;
  readonly digest?: string;
  readonly repair?: true;
  readonly source?: readonly string[];
  readonly policy?: string;
  readonly exclude?: string;
  readonly workers?: number;
}

/** One set's report, with the time that its check took. */
export interface TimedReport extends ValidationReport {
  readonly seconds: number;
  /** The files that `--repair` made again before this check. */
  readonly repaired: readonly string[];
}

async function validate(
  folders: readonly string[],
  options: ValidateOptions,
  context: CommandContext,
): Promise<CommandOutcome<{ isValid: boolean; sets: readonly TimedReport[] }>> {
  const sets: TimedReport[] = [];
  for (const folder of folders) {
    const found = await check(folder, options, context);
    requireDigest(found, options.digest);
    const { repair } = options;
    sets.push(repair === true && !found.isValid ? await repaired(found, options, context) : found);
  }
  const { validationText } = await import("../validation/validation-text.ts");
  const isValid = sets.every((set) => set.isValid);
  return {
    result: { isValid, sets },
    text: sets.map((set) => validationText(set)).join("\n\n"),
    exitCode: isValid ? 0 : EXIT_INVALID,
  };
}

/** A set can be whole and right in itself and still be another one than was meant. */
function requireDigest({ folder, digest }: TimedReport, expected: string | undefined): void {
  if (expected === undefined || digest === null || digest === expected.toLowerCase()) return;
  throw new StateError(`${folder} is the set ${digest}, not ${expected}`, {
    file: folder,
    remedy: "find the set of this digest, or say which one you mean",
  });
}

async function check(
  folder: string,
  { decode: wantsDecoding, quick, maxFaults }: ValidateOptions,
  { progress, signal }: CommandContext,
): Promise<TimedReport> {
  const { validateShardSet } = await import("../../shards/validation/validate-shard-set.ts");
  const { DecodingThreads } = await import("../validation/decoding-threads.ts");
  await using threads = new DecodingThreads();
  const start = performance.now();
  const report = await validateShardSet(folder, {
    progress,
    signal,
    maxListedFaults: maxFaults,
    digests: quick === true ? "files" : "every",
    ...(wantsDecoding ? { decode: (bytes) => threads.decode(bytes) } : {}),
  });
  return { ...report, seconds: (performance.now() - start) / 1000, repaired: [] };
}

async function repaired(
  { folder, faultyFiles }: TimedReport,
  options: ValidateOptions,
  context: CommandContext,
): Promise<TimedReport> {
  const { repairSet } = await import("../validation/repair-command.ts");
  const files = await repairSet({ ...options, folder, faultyFiles }, context);
  return { ...(await check(folder, options, context)), repaired: files };
}

const EXIT_INVALID = 21;
