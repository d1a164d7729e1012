import type { Command } from "commander";
import { runCommand } from "../frame.ts";
import { addExamples } from "../program.ts";
import type { ConvertFlags } from "../weights/convert-weights.ts";
import type { InspectFlags } from "../weights/inspect-weights.ts";

const FILE = "a safetensors file, an index of several, or a folder that holds either";

/** Adds `crossweave weights inspect` and `crossweave weights convert`. */
export function addWeightsCommand(program: Command): void {
  const weights = program
    .command("weights")
    .description("Look into files of published weights, and rename them for another program.");
  addInspect(weights);
  addConvert(weights);
}

function addInspect(weights: Command): void {
  const command = weights
    .command("inspect")
    .description(
      "Tell what a file of weights holds, whose names it has, and what a recipe's model would take from it.",
    )
    .argument("<file>", FILE)
    .option("--as <layout>", "read it by these names; the nearest if not said")
    .option("--model <recipe>", "tell what this recipe's model takes, lacks and leaves")
    .action((file: string, flags: InspectFlags) =>
      runCommand({ command, activity: `looking into ${file}` }, async () => {
        const { inspectWeights } = await import("../weights/inspect-weights.ts");
        return await inspectWeights(file, flags);
      }),
    );
  addExamples(command, [
    "crossweave weights inspect swin_base.safetensors",
    "crossweave weights inspect bert-base-uncased --as transformers-bert --model pretrain/visual-parsing",
  ]);
}

function addConvert(weights: Command): void {
  const command = weights
    .command("convert")
    .description(
      "Write the weights of a file under the names of another program; a .safetensors.index.json gets several files beside it.",
    )
    .argument("<file>", FILE)
    .requiredOption("--out <file>", "a safetensors file or an index; never overwritten")
    .option("--from <layout>", "whose names the file has; ours if not said")
    .option("--to <layout>", "whose names are written; ours if not said")
    .option(
      "--part <prefix>",
      "of our names, the part of a model that the other side is, as visual.",
      "",
    )
    .option("--dry-run", "tell what would become of each tensor; write nothing")
    .action((file: string, flags: ConvertFlags) =>
      runCommand({ command, activity: `converting ${file}`, writesTo: flags.out }, async () => {
        const { convertWeights } = await import("../weights/convert-weights.ts");
        return await convertWeights(file, flags);
      }),
    );
  addExamples(command, [
    "crossweave weights convert swin_base.safetensors --from timm-swin --to official-swin --out official.safetensors",
    "crossweave weights convert runs/vp/checkpoints/step-00001000/model.safetensors --part visual. --to transformers-swin --out swin.safetensors",
  ]);
}
