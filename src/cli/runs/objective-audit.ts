import type { TaskMasks } from "../../loader/measuring/mask-audit.ts";
import { defaultCache } from "../../shards/remote/cache-plan.ts";
import { readIndex } from "../../shards/shard-set-index.ts";
import { auditObjectives, type ObjectiveAudit } from "../../train/objective-audit.ts";
import { overrideRecipe } from "../../train/recipe-parser.ts";
import { recipeNamed } from "../../train/recipes/recipe-named.ts";
import type { CommandContext, CommandOutcome } from "../frame.ts";
import { styled } from "../terminal/text-style.ts";
import { textTable } from "../text-table.ts";
import { countTrainingScenes, readVocabulary, trainingSplits } from "./training.ts";

export interface ObjectiveFlags {
  readonly data: readonly string[];
  readonly set?: readonly string[];
  readonly batches: number;
  readonly measured: number;
}

interface ObjectiveRequest {
  readonly recipeName: string;
  readonly flags: ObjectiveFlags;
  readonly seed: number | undefined;
}

/** Counts masks and measures losses of a recipe on shard sets. The sets are not audited for leaks: nothing is kept. */
export async function auditRecipe(
  { flags, recipeName, seed }: ObjectiveRequest,
  context: CommandContext,
): Promise<CommandOutcome<ObjectiveAudit>> {
  const named = recipeNamed(recipeName);
  const recipe = overrideRecipe({ ...named, seed: seed ?? named.seed }, flags.set ?? []);
  const call = { recipe, folders: flags.data, cache: defaultCache() };
  const vocabulary = await readVocabulary(recipe.data.vocabulary);
  const indexes = await Promise.all(flags.data.map((set) => readIndex(set)));
  countTrainingScenes(indexes, call);
  const audit = await auditObjectives({
    recipe,
    sets: trainingSplits(call, indexes),
    vocabulary,
    numBatches: flags.batches,
    numMeasured: flags.measured,
    ...context,
  });
  return { result: audit, text: objectiveText(recipe.name, flags, audit) };
}

/** The audit as two tables: masks, then losses. */
export function objectiveText(
  name: string,
  { batches, measured }: Pick<ObjectiveFlags, "batches" | "measured">,
  { gradients, masks, scales }: ObjectiveAudit,
): string {
  const losses = scales.map(({ computed, factor, loss, published, weight }) => {
    const gradient = gradients.find((candidate) => candidate.loss === loss);
    return [
      loss,
      weight,
      factorText(factor),
      computed,
      published,
      gradient?.gradientNorm.toPrecision(3) ?? "-",
      gradient === undefined ? "-" : percent(gradient.share),
    ];
  });
  return [
    `${styled("bold", `${name}: masks`)} of ${batches} batches`,
    textTable([
      ["task", "batches", "of", "maskable", "masked", "rate", "expected", "off by"],
      ...masks.flatMap(maskRows),
    ]),
    `${styled("bold", "losses")}, gradients at fresh weights: the mean of ${measured} batches, shares by how often a loss is trained`,
    textTable([
      ["loss", "weight", "of the paper's", "computed", "published", "gradient", "share"],
      ...losses,
    ]),
  ].join("\n\n");
}

function maskRows({ numBatches, regions, task, words }: TaskMasks): (string | number)[][] {
  return ([["words", words] as const, ["regions", regions] as const] as const).flatMap(
    ([what, { deviations, expectedMasked, numMaskable, numMasked }]) => {
      if (numMasked === 0 && expectedMasked === 0) return [];
      return [
        [
          task ?? "all",
          numBatches,
          what,
          numMaskable,
          numMasked,
          percent(numMasked / numMaskable),
          percent(expectedMasked / numMaskable),
          `${deviations.toFixed(1)} sigma`,
        ],
      ];
    },
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** "1", "1/2048" */
function factorText(factor: number): string {
  const inverse = Math.round(1 / factor);
  return inverse > 1 && Math.abs(factor * inverse - 1) < 1e-9 ? `1/${inverse}` : String(factor);
}
