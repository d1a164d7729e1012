import type { Command } from "commander";
import type { ProfileFlags } from "../runs/training-profile.ts";
import { runCommand } from "../frame.ts";
import { addExamples, collect, positiveNumber, seedOf, wholeNumber } from "../program.ts";

/** Adds `crossweave profile`. */
export function addProfileCommand(program: Command): void {
  const command = program
    .command("profile")
    .description(
      "Measure where the time of a recipe's training step goes: by operation, and waiting for data. Nothing is kept.",
    )
    .argument("<recipe>", "pretrain/visual-parsing, pretrain/visual-parsing-small or demo")
    .requiredOption(
      "--data <set...>",
      "folders of shard sets, or https://… or s3://…; their training splits are used",
    )
    .option("--set <key=value>", "replace a constant of the recipe; repeatable", collect)
    .option("--steps <number>", "steps to measure, after two that compile", positiveNumber, 10)
    .option("--top <number>", "operations to list", positiveNumber, 20)
    .option("--cache <folder>", "where sets from servers are kept, for all runs of this machine")
    .option("--cache-gigabytes <number>", "how much --cache may hold; 100 if not said", wholeNumber)
    .action((recipeName: string, flags: ProfileFlags) =>
      runCommand(
        { command, activity: `profiling ${recipeName} on ${flags.data.join(", ")}` },
        async (context) => {
          const { profileRecipe } = await import("../runs/training-profile.ts");
          return await profileRecipe({ recipeName, flags, seed: seedOf(command) }, context);
        },
      ),
    );
  addExamples(command, [
    "crossweave profile demo --data runs/demo/shards/coco --set data.vocabulary=runs/demo/world/vocab.txt",
    "crossweave profile pretrain/visual-parsing-small --data shards/coco --set data.vocabulary=vocab.txt --set precision=bf16 --json",
  ]);
}
