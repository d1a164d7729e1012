import { type Command, InvalidArgumentError } from "commander";
import type { FetchCall, FetchPlan, FetchReport } from "../fetching/fetch-run.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, collect, packageVersion, seedOf } from "../program.ts";

interface FetchFlags {
  readonly to: string;
  readonly pictures?: readonly string[];
  readonly withPictures?: true;
  readonly removeArchives?: true;
  readonly concurrency: number;
  readonly perHost: number;
  readonly mirror?: URL;
  readonly trustNew?: true;
  readonly retryFailed?: true;
  readonly placeholders?: string;
  readonly dryRun?: true;
}

/** Adds `crossweave fetch`. */
export function addFetchCommand(program: Command): void {
  const command = program
    .command("fetch")
    .description(
      "Fetch official files, or the pictures of a list: resumed, verified, safely unpacked, opt-outs obeyed.",
    )
    .argument("<dataset...>", "datasets such as coco, visual-genome, vqa2 or sbu")
    .requiredOption("--to <folder>", "where they go; the --source of crossweave prepare")
    .option(
      "--pictures <list>",
      "fetch the pictures that a list of the dataset names: .tsv, .json, .jsonl or .txt; may be given again",
      collect,
    )
    .option("--with-pictures", "fetch the publishers' picture archives, too (COCO: 40 GB)")
    .option("--remove-archives", "remove archives once they are unpacked")
    .option("--concurrency <number>", "requests at a time", wholeNumber, 16)
    .option("--per-host <number>", "requests at a time to one host", wholeNumber, 4)
    .option(
      "--mirror <url>",
      "fetch official files from <url>/<host>/<path>; it may be in a private network",
      mirrorUrl,
    )
    .option("--trust-new", "take files that are not what they were when published or first fetched")
    .option("--retry-failed", "try the pictures again that were not to be had")
    .option("--placeholders <file>", "more digests and paths of placeholder pictures (JSON)")
    .option("--dry-run", "print what would be fetched, and from where")
    .action((datasets: readonly string[], flags: FetchFlags) =>
      runCommand<FetchReport | FetchPlan>(
        {
          command,
          activity: `${flags.dryRun === true ? "planning" : "fetching"} ${datasets.join(", ")} to ${flags.to}`,
          writesTo: flags.to,
        },
        (context) => fetchAll(callOf(datasets, flags, command), flags, context),
      ),
    );
  addExamples(command, [
    "crossweave fetch coco vqa2 --to downloads",
    "crossweave fetch coco --with-pictures --to downloads",
    "crossweave fetch sbu --to downloads --pictures sbu/sbu-captions-all.json",
  ]);
}

async function fetchAll(
  call: FetchCall,
  flags: FetchFlags,
  context: CommandContext,
): Promise<CommandOutcome<FetchReport | FetchPlan>> {
  const { exitCodeOf, planFetch, runFetch } = await import("../fetching/fetch-run.ts");
  const { fetchText, planText } = await import("../fetching/fetch-text.ts");
  if (flags.dryRun === true) {
    const plan = await planFetch(call);
    return { result: plan, text: planText(plan) };
  }
  const report = await runFetch(call, context);
  return { result: report, text: fetchText(report), exitCode: exitCodeOf(report) };
}

function callOf(datasets: readonly string[], flags: FetchFlags, command: Command): FetchCall {
  return {
    datasets,
    folder: flags.to,
    pictureLists: flags.pictures ?? [],
    withPictures: flags.withPictures ?? false,
    removeArchives: flags.removeArchives ?? false,
    concurrency: flags.concurrency,
    perHost: flags.perHost,
    mirror: flags.mirror,
    trustNew: flags.trustNew ?? false,
    retryFailed: flags.retryFailed ?? false,
    placeholders: flags.placeholders,
    seed: seedOf(command) ?? 0,
    userAgent: `crossweave/${packageVersion()}`,
  };
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("a whole number from 1 to 999 is expected");
}

function mirrorUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined && url.username === "" && url.password === "" && url.search === "";
  if (isPlain && /^https?:$/.test(url.protocol)) return url;
  throw new InvalidArgumentError("an http(s) URL without credentials and query is expected");
}
