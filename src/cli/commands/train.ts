import { type Command, Option } from "commander";
import { styleText } from "node:util";
import type { TrainingRecipe } from "../../train/recipe.ts";
import type { TrainSummary } from "../../train/trainer.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, collect, wholeNumber } from "../program.ts";

interface TrainFlags {
  readonly data: readonly string[];
  readonly out: string;
  readonly set: readonly string[];
  readonly seed?: number;
  readonly fresh?: boolean;
  readonly allowLeaks?: boolean;
  readonly dryRun?: boolean;
}

/** Adds `crossweave train`. */
export function addTrainCommand(program: Command): void {
  const command = program
    .command("train")
    .description(
      "Pre-train a recipe on shard sets; an interrupted run goes on from its last checkpoint.",
    )
    .argument("<recipe>", "pretrain/visual-parsing, pretrain/visual-parsing-small or demo")
    .requiredOption("--data <set...>", "folders of shard sets; their training splits are used")
    .requiredOption("--out <run>", "the run's folder: record, metrics, checkpoints")
    .option("--set <key=value>", "replace a constant of the recipe; repeatable", collect, [])
    .addOption(new Option("--resume", "the default: go on where the run in --out stands"))
    .option("--fresh", "start over, removing the run in --out")
    .option("--allow-leaks", "train although the audit found leaks; the run is marked for good")
    .option("--dry-run", "print the recipe, the steps and the number of weights; write nothing")
    .option("--seed <number>", "the recipe's seed", wholeNumber)
    .action((recipeName: string, flags: TrainFlags) =>
      runCommand(
        {
          command,
          activity: `training ${recipeName} on ${flags.data.join(", ")}`,
          writesTo: flags.out,
        },
        (context) => trainRecipe(recipeName, flags, context),
      ),
    );
  addExamples(command, [
    "crossweave train pretrain/visual-parsing-small --data shards/coco --out runs/small --set data.vocabulary=vocab.txt",
    "crossweave train demo --data shards/coco --out runs/demo --set data.vocabulary=world/vocab.txt --seed 7",
  ]);
}

async function trainRecipe(
  recipeName: string,
  flags: TrainFlags,
  context: CommandContext,
): Promise<CommandOutcome<unknown>> {
  const { recipeNamed } = await import("../../train/recipes/visual-parsing.ts");
  const { overrideRecipe } = await import("../../train/recipe-parser.ts");
  const seeded = flags.seed === undefined ? {} : { seed: flags.seed };
  const recipe = overrideRecipe({ ...recipeNamed(recipeName), ...seeded }, flags.set);
  const call = {
    recipe,
    folders: flags.data,
    out: flags.out,
    fresh: flags.fresh === true,
    allowLeaks: flags.allowLeaks === true,
  };
  if (flags.dryRun === true) {
    const { describeTraining } = await import("../runs/training-plan.ts");
    return describeTraining(call, context);
  }
  const { runTraining } = await import("../runs/training.ts");
  const result = await runTraining(call, context);
  return { result: { recipe, out: flags.out, ...result }, text: trainText(recipe, flags, result) };
}

function trainText(
  recipe: TrainingRecipe,
  flags: TrainFlags,
  result: { readonly summary: TrainSummary; readonly auditSummary: string },
): string {
  const { summary } = result;
  const { last } = summary;
  const heading = styleText("bold", `${recipe.name}: ${summary.totalSteps} steps`);
  const losses =
    last === undefined
      ? "nothing was left to train: the run is complete"
      : `last step: loss ${last.loss.toFixed(4)}, MLM ${last.mlm.toFixed(4)}, ITM ${last.itm.toFixed(4)} (${(100 * last.itmAccuracy).toFixed(1)} % of the pairs right, chance 50 %), MFR ${last.mfr.toFixed(2)}`;
  return [
    `${heading}, ${summary.numWeights.toLocaleString("en-US")} weights, ${summary.batchesPerEpoch} batches an epoch`,
    losses,
    `${summary.seconds.toFixed(0)} s here, ${summary.picturesPerSecond.toFixed(1)} pictures/s, ${(100 * summary.dataWaitShare).toFixed(1)} % of it waiting for data`,
    `audit: ${result.auditSummary}`,
    `run: ${flags.out}`,
    `next: crossweave eval retrieval --checkpoint ${flags.out} --data ${flags.data[0] ?? ""} --out ${flags.out}/retrieval`,
  ].join("\n");
}
