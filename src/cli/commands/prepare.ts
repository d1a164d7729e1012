import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { PreparationRecipe } from "../../ingest/recipe.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, collect } from "../program.ts";
import type { PrepareCall } from "../preparation/prepare-set.ts";
import { preparedText, type PreparedSummary } from "../preparation/prepare-text.ts";

interface PrepareOptions {
  readonly source: readonly string[];
  readonly out: string;
  readonly allowMissing?: true;
  readonly acceptUnknownRelease?: true;
  readonly policy?: string;
  readonly exclude?: string;
  readonly maxBad?: number;
  readonly workers: number;
  readonly strict?: true;
  readonly annotationsOnly?: true;
  readonly fresh?: true;
  readonly dryRun?: true;
}

/** Adds `crossweave prepare`. */
export function addPrepareCommand(program: Command): void {
  const command = program
    .command("prepare")
    .description(
      "Turn official annotation files and pictures into shard sets that account for every record.",
    )
    .argument("<recipe...>", "recipes such as coco or pretrain/soho, or .json files of your own")
    .requiredOption(
      "--source <folder>",
      "the official downloads, unpacked: coco/annotations/…; or a folder with a captions.jsonl of your own; repeatable",
      collect,
    )
    .requiredOption(
      "--out <folder>",
      "where the set goes; with several recipes, the folder of their folders",
    )
    .option(
      "--allow-missing",
      "prepare what is there when pictures or evaluation lists are missing; marked partial",
    )
    .option(
      "--policy <name>",
      "which evaluation pictures stay out of training: none, uniter, strict or a .json file of your own; the recipe says which without it",
    )
    .option("--exclude <file>", "leave out the pictures that crossweave audit --exclusions wrote")
    .option("--accept-unknown-release", "take files that are nearly, but not, an official release")
    .option("--max-bad <share>", "share of faulty records that is allowed, 0 to 1", share)
    .option("--strict", "stop at the first faulty record; without it, faulty ones go to the ledger")
    .option(
      "--annotations-only",
      "account for every record as if all pictures were there: writes ledger.arrow and annotations.json",
    )
    .option("--workers <number>", "pictures decoded at a time", wholeNumber, availableParallelism())
    .option("--fresh", "remove what was prepared in the folder before and start over")
    .option("--dry-run", "read the annotation files and print what would be written")
    .action((recipes: readonly string[], options: PrepareOptions) =>
      runCommand(
        {
          command,
          activity: `preparing ${recipes.join(", ")} from ${options.source.join(", ")}`,
          writesTo: options.out,
        },
        (context) => prepare(recipes, options, context),
      ),
    );
  addExamples(command, [
    "crossweave prepare coco --source downloads --out shards/coco",
    "crossweave prepare coco-fit --source downloads --out shards/coco-fit --allow-missing",
    "crossweave prepare captions --source kitchen --source street --out shards/mine",
  ]);
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("a whole number from 1 on is expected");
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("a number from 0 to 1 is expected, such as 0.05");
}

async function prepare(
  names: readonly string[],
  options: PrepareOptions,
  context: CommandContext,
): Promise<CommandOutcome<{ sets: readonly PreparedSummary[] }>> {
  const { readRecipe } = await import("../../ingest/recipe.ts");
  const { joinedSource } = await import("../preparation/joined-source.ts");
  const recipes = await Promise.all(names.map((name) => readRecipe(name)));
  await using source = await joinedSource(options.source);
  const sets: PreparedSummary[] = [];
  for (const recipe of recipes) {
    const outFolder = recipes.length === 1 ? options.out : join(options.out, recipe.name);
    const place = { sourceFolder: source.folder, outFolder };
    const call = await callOf(recipe, place, { options, context });
    if (options.dryRun === true) sets.push(await planOne(call, options, context));
    else if (options.annotationsOnly === true) sets.push(await accountFor(call, context));
    else sets.push(await prepareOne(call, context));
  }
  return { result: { sets }, text: sets.map(preparedText).join("\n\n") };
}

async function callOf(
  recipe: PreparationRecipe,
  { outFolder, sourceFolder }: Pick<PrepareCall, "outFolder" | "sourceFolder">,
  { options, context }: { options: PrepareOptions; context: CommandContext },
): Promise<PrepareCall> {
  const { preparationExclusions } = await import("../preparation/exclusions.ts");
  const { policy, exclude, maxBad } = options;
  const allowMissing = options.allowMissing ?? false;
  const choice = { sourceFolder, policy, exclude, allowMissing };
  return {
    recipe,
    sourceFolder,
    outFolder,
    allowMissing,
    acceptUnknownRelease: options.acceptUnknownRelease ?? false,
    ...(await preparationExclusions(recipe, choice, context)),
    strict: options.strict ?? false,
    quarantineLimit: maxBad === undefined ? recipe.quarantineLimit : { share: maxBad, records: 0 },
    numWorkers: options.workers,
    fresh: options.fresh ?? false,
  };
}

async function prepareOne(call: PrepareCall, context: CommandContext): Promise<PreparedSummary> {
  const { prepareSet } = await import("../preparation/prepare-set.ts");
  const { summaryOfSet } = await import("../preparation/summary.ts");
  return summaryOfSet(call, await prepareSet(call, context));
}

async function accountFor(call: PrepareCall, context: CommandContext): Promise<PreparedSummary> {
  const { accountForAnnotations } = await import("../preparation/account-for-annotations.ts");
  return accountForAnnotations(call, context);
}

async function planOne(
  call: PrepareCall,
  { annotationsOnly }: PrepareOptions,
  context: CommandContext,
): Promise<PreparedSummary> {
  const { planOf } = await import("../preparation/prepare-set.ts");
  const { summaryOfPlan } = await import("../preparation/summary.ts");
  using plan = await planOf(call, context, { annotationsOnly: annotationsOnly ?? false });
  return await summaryOfPlan(call, plan); // the plan is closed on leaving
}
