import type { TaskMasks } from "../../loader/measuring/mask-audit.ts";
import { auditObjectives, type ObjectiveAudit } from "../../train/objective-audit.ts";
import type { CommandContext, CommandOutcome } from "../frame.ts";
import { styled } from "../terminal/text-style.ts";
import { textTable } from "../text-table.ts";
import { measuredRecipe, type MeasuringRequest } from "./measured-recipe.ts";

export interface ObjectiveFlags {
  readonly data: readonly string[];
  readonly set?: readonly string[];
  readonly batches: number;
  readonly measured: number;
}

/** Counts masks and measures losses of a recipe on shard sets. The sets are not audited for leaks: nothing is kept. */
export async function auditRecipe(
  request: MeasuringRequest<ObjectiveFlags>,
  context: CommandContext,
): Promise<CommandOutcome<ObjectiveAudit>> {
  const { flags } = request;
  const measured = await measuredRecipe(request);
  const numbers = { numBatches: flags.batches, numMeasured: flags.measured };
  const audit = await auditObjectives({ ...measured, ...numbers, ...context });
  return { result: audit, text: objectiveText(measured.recipe.name, flags, audit) };
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
