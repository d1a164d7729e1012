import { join } from "node:path";
import { colors } from "../../ingest/small-world/scene.ts";
import { overrideRecipe } from "../../train/recipe-parser.ts";
import { recipeNamed } from "../../train/recipes/recipe-named.ts";
import { runTraining, type TrainingResult } from "../runs/training.ts";
import { askRun, type RunMaskedWords } from "../runs/masked-words.ts";
import type { CommandContext } from "../frame.ts";
import { colorQuestions } from "./color-questions.ts";

/** What the demo trains of a system, and on which of its sets. */
export interface DemoSystem {
  /** As people know it. */
  readonly name: string;
  readonly recipe: string;
  /** The run's folder in the demo's. */
  readonly run: string;
  /** The set's folder in the demo's. */
  readonly set: string;
}

/** The three systems of the papers; the demo's report is the first one's. */
export const demoSystems: readonly [DemoSystem, ...DemoSystem[]] = [
  { name: "Visual Parsing", recipe: "demo", run: "run", set: "shards/coco" },
  { name: "SOHO", recipe: "demo-soho", run: "run-soho", set: "shards/coco" },
  { name: "UNITER", recipe: "demo-uniter", run: "run-uniter", set: "shards/coco-regions" },
];

export interface DemoTraining {
  /** The demo's folder. */
  readonly out: string;
  readonly seed: number;
  /** Undefined: the recipe's. */
  readonly steps: number | undefined;
}

/** How a trained system tells the colors of held-out scenes. */
export interface TrainedSystem {
  readonly system: DemoSystem;
  readonly training: TrainingResult["pace"];
  readonly colors: RunMaskedWords;
}

/** Trains one of the systems from random weights and asks it for masked colors, which only the picture decides. */
export async function trainSystem(
  system: DemoSystem,
  { out, seed, steps }: DemoTraining,
  context: CommandContext,
): Promise<TrainedSystem> {
  const named = recipeNamed(system.recipe);
  const recipe = overrideRecipe({ ...named, seed }, [
    `data.vocabulary=${join(out, "world", "vocab.txt")}`,
    ...(steps === undefined ? [] : [`optimisation.duration.length=${steps}`]),
  ]);
  const [set, run] = [join(out, system.set), join(out, system.run)];
  const call = { recipe, folders: [set], out: run, fresh: false, allowLeaks: false, near: {} };
  const { pace } = await runTraining(call, context);
  const question = { words: colors, questionsOf: colorQuestions };
  const asked = await askRun({ run, data: set, split: "val", ...question }, context);
  return { system, training: pace, colors: asked };
}
