import { type Command, Option } from "commander";
import { ConfigError } from "../../core/errors.ts";
import type { TrainingRecipe } from "../../train/recipe.ts";
import type { StepReading } from "../../train/step/step-program.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, collect, seedOf, wholeNumber } from "../program.ts";
import { addNearOptions, nearChoiceOf, type NearFlags } from "../auditing/near-flags.ts";
import { addRankOptions, type RankFlags } from "../ranks/rank-flags.ts";
import type { TrainingCall, TrainingResult } from "../runs/training.ts";
import { addWatchOptions, type WatchFlags } from "../watching/watch-flags.ts";
import { styled } from "../terminal/text-style.ts";

interface TrainFlags extends NearFlags, RankFlags, WatchFlags {
  readonly data: readonly string[];
  readonly out: string;
  readonly set?: readonly string[];
  readonly fresh?: boolean;
  readonly acceptChanges?: boolean;
  /** A file. */
  readonly recipe?: string;
  readonly allowLeaks?: boolean;
  readonly eager?: boolean;
  readonly exclude?: readonly string[];
  readonly through?: readonly string[];
  /** A person's allow/deny list. */
  readonly decisions?: string;
  readonly dryRun?: boolean;
  readonly cache?: string;
  readonly cacheGigabytes?: number;
  readonly initial?: readonly string[];
  /** A run's folder. */
  readonly from?: string;
}

/** Adds `crossweave train`. */
export function addTrainCommand(program: Command): void {
  const command = program
    .command("train")
    .description(
      "Pre-train a recipe on shard sets; an interrupted run goes on from its last checkpoint.",
    )
    .argument("[recipe]", "pretrain/visual-parsing, pretrain/visual-parsing-small or demo")
    .option(
      "--recipe <file>",
      "a recipe of your own instead: JSON or a module, which may extend one of these",
    )
    .requiredOption(
      "--data <set...>",
      "folders of shard sets, or https://… or s3://…; their training splits are used",
    )
    .requiredOption("--out <run>", "the run's folder: record, metrics, checkpoints")
    .option("--set <key=value>", "replace a constant of the recipe; repeatable", collect)
    .option(
      "--exclude <file>",
      "an exclusion list of crossweave audit: stop at a scene of it, however it came into a set; repeatable",
      collect,
    )
    .option(
      "--eager",
      "run the step's operations one by one instead of compiling them; --set execution=xla asks for XLA",
    )
    .option(
      "--through <set...>",
      "sets that are neither trained nor evaluated on, through whose pictures the audit's chains may lead",
    )
    .option(
      "--decisions <file>",
      "the list that the page of crossweave audit --report saves: what a person decided about pairs",
    )
    .option("--allow-leaks", "train although the audit found leaks; the run is marked for good")
    .option("--dry-run", "print the recipe, the steps and the number of weights; write nothing")
    .action((recipeName: string | undefined, flags: TrainFlags) =>
      runCommand(
        {
          command,
          activity: `training ${recipeName ?? flags.recipe ?? "no recipe"} on ${flags.data.join(", ")}`,
          writesTo: flags.out,
        },
        (context) => trainRecipe({ recipeName, flags, seed: seedOf(command) }, context),
      ),
    );
  addStartOptions(command);
  addCacheOptions(command);
  addNearOptions(command);
  addRankOptions(command);
  addWatchOptions(command);
  addExamples(command, [
    "crossweave train pretrain/visual-parsing-small --data shards/coco --out runs/coco --set data.vocabulary=vocab.txt",
    "crossweave train demo --data runs/demo/shards/coco --out runs/again --set data.vocabulary=runs/demo/world/vocab.txt --seed 7",
    "crossweave train --recipe mine.json --data shards/coco --out runs/mine --set data.vocabulary=vocab.txt --page runs/mine/page.html",
    "crossweave train demo --data runs/demo/shards/coco --out runs/two --set data.vocabulary=runs/demo/world/vocab.txt --ranks 2",
  ]);
}

function addStartOptions(command: Command): void {
  command
    .option("--from <run>", "start from the newest checkpoint of a run, as fine-tuning does")
    .option(
      "--initial <layout=file>",
      "start from published weights in safetensors, such as official-swin=swin.safetensors; repeatable",
      collect,
    )
    .addOption(new Option("--resume", "the default: go on where the run in --out stands"))
    .option("--fresh", "start over, removing the run in --out")
    .option(
      "--accept-changes",
      "go on with the run in --out though its recipe, vocabulary, sets or Crossweave were others; its record tells of it for good",
    );
}

function addCacheOptions(command: Command): void {
  command
    .option("--cache <folder>", "where sets from servers are kept, for all runs of this machine")
    .option(
      "--cache-gigabytes <number>",
      "how much --cache may hold; 100 if not said",
      wholeNumber,
    );
}

interface TrainRequest {
  readonly recipeName: string | undefined;
  readonly flags: TrainFlags;
  readonly seed: number | undefined;
}

async function trainRecipe(
  request: TrainRequest,
  context: CommandContext,
): Promise<CommandOutcome<unknown>> {
  const { flags } = request;
  const given = await callOf(request);
  const { fineTuningStart } = await import("../finetuning/start.ts");
  const call = { ...given, ...(await fineTuningStart({ ...given, from: flags.from }, context)) };
  if (flags.dryRun === true) {
    const { describeTraining } = await import("../runs/training-plan.ts");
    return describeTraining(call, context);
  }
  const { rankPatience, rankPlan, refuseIdleRanks } = await import("../ranks/rank-plan.ts");
  const ranks = rankPlan(flags, process.env["TF_CONFIG"]);
  const numRanks = ranks?.config.addresses.length ?? flags.ranks ?? 1;
  refuseIdleRanks(numRanks, call.recipe.data.picturesPerBatch);
  if (ranks === undefined && numRanks > 1) {
    const { silenceMs } = rankPatience(flags);
    const { runLocalRanks } = await import("../ranks/local-ranks.ts");
    return await runLocalRanks({ numRanks, silenceMs }, context);
  }
  const { launcherSignal } = await import("../ranks/launcher-signal.ts");
  const launcher = launcherSignal();
  const { runTraining } = await import("../runs/training.ts");
  const result = await runTraining({ ...call, ranks: ranks && { ...ranks, launcher } }, context);
  const { paceText } = await import("../runs/pace-text.ts");
  const { readingTexts } = await import("../../train/reading-text.ts");
  const { recipe } = call;
  const { last } = result.summary;
  const lastStep = last === undefined ? undefined : lastStepText(last, readingTexts(last));
  const pace = paceText(result.summary);
  const text = trainText(recipe, flags, { ...result, lastStep, paceText: pace });
  return { result: { recipe, out: flags.out, ...result }, text };
}

async function callOf({ flags, recipeName, seed }: TrainRequest): Promise<TrainingCall> {
  const { overrideRecipe } = await import("../../train/recipe-parser.ts");
  const named = await givenRecipe(recipeName, flags.recipe);
  const settings = [...(flags.set ?? []), ...(flags.eager === true ? ["execution=eager"] : [])];
  const recipe = overrideRecipe({ ...named, seed: seed ?? named.seed }, settings);
  const { defaultCache } = await import("../../shards/remote/cache-plan.ts");
  const usual = defaultCache();
  const { cache: folder = usual.folder, cacheGigabytes: gigabytes } = flags;
  const maxBytes = gigabytes === undefined ? usual.maxBytes : gigabytes * 1e9;
  return {
    recipe,
    folders: flags.data,
    cache: { folder, maxBytes },
    out: flags.out,
    fresh: flags.fresh === true,
    acceptChanges: flags.acceptChanges,
    watch: { page: flags.page, tensorboard: flags.tensorboard },
    allowLeaks: flags.allowLeaks === true,
    exclude: flags.exclude,
    near: nearChoiceOf(flags),
    through: flags.through,
    decisionsFile: flags.decisions,
    initial: flags.initial,
  };
}

/** The recipe of a name, or of a file; ConfigError unless one of both is given. */
async function givenRecipe(
  name: string | undefined,
  file: string | undefined,
): Promise<TrainingRecipe> {
  if (name !== undefined && file === undefined) {
    const { recipeNamed } = await import("../../train/recipes/recipe-named.ts");
    return recipeNamed(name);
  }
  if (file !== undefined && name === undefined) {
    const { recipeFromFile } = await import("../../train/recipe-file.ts");
    return await recipeFromFile(file);
  }
  throw new ConfigError(name === undefined ? "no recipe is given" : "two recipes are given", {
    remedy: "name one of ours, such as demo, or a file of your own with --recipe",
  });
}

function trainText(
  recipe: TrainingRecipe,
  flags: TrainFlags,
  result: TrainingResult & { readonly lastStep: string | undefined; readonly paceText: string },
): string {
  const { lastStep, summary } = result;
  const evaluation = recipe.task?.kind ?? "retrieval";
  const heading = styled("bold", `${recipe.name}: ${summary.totalSteps} steps`);
  return [
    `${heading}, ${summary.numWeights.toLocaleString("en-US")} weights, ${summary.batchesPerEpoch} batches an epoch`,
    ...(lastStep === undefined
      ? ["nothing was left to train: the run is complete"]
      : [lastStep, result.paceText]),
    `audit: ${result.auditSummary}`,
    `run: ${flags.out}`,
    `next: crossweave eval ${evaluation} --checkpoint ${flags.out} --data ${flags.data[0] ?? ""} --out ${flags.out}/${evaluation}`,
  ].join("\n");
}

function lastStepText({ loss }: StepReading, parts: readonly string[]): string {
  return [`last step: loss ${loss.toFixed(4)}`, ...parts].join(", ");
}
