import type { Command } from "commander";
import { runCommand } from "../frame.ts";
import { addExamples, collect, positiveNumber, seedOf } from "../program.ts";
import type { ObjectiveFlags } from "../runs/objective-audit.ts";

/** Adds `crossweave objectives`. */
export function addObjectivesCommand(program: Command): void {
  const command = program
    .command("objectives")
    .description(
      "Count what a recipe really masks, and show each loss beside the paper's and its share of the gradient. Nothing is kept.",
    )
    .argument("<recipe>", "such as demo, pretrain/soho-small or pretrain/uniter-base")
    .requiredOption("--data <set...>", "folders of shard sets; their training splits are used")
    .option("--set <key=value>", "replace a constant of the recipe; repeatable", collect)
    .option("--batches <number>", "batches whose masks are counted", positiveNumber, 100)
    .option("--measured <number>", "of them, those whose gradients are measured", positiveNumber, 5)
    .action((recipeName: string, flags: ObjectiveFlags) =>
      runCommand(
        { command, activity: `the objectives of ${recipeName} on ${flags.data.join(", ")}` },
        async (context) => {
          const { auditRecipe } = await import("../runs/objective-audit.ts");
          return await auditRecipe({ recipeName, flags, seed: seedOf(command) }, context);
        },
      ),
    );
  addExamples(command, [
    "crossweave objectives demo --data runs/demo/shards/coco --set data.vocabulary=runs/demo/world/vocab.txt",
  ]);
}
