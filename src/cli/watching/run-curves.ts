import type { RunCurve } from "../../report/run-report.ts";
import type { TrainingRecipe } from "../../train/recipe.ts";
import type { MetricsLine } from "../../train/run/run-folder.ts";

/** The parts of a loss that are drawn. */
const PART_CURVES: readonly {
  readonly part: string;
  readonly name: string;
  readonly chance?: RunCurve["reference"];
}[] = [
  { part: "mlm", name: "masked language modelling" },
  { part: "itm", name: "image-text matching", chance: { label: "chance, ln 2", value: Math.LN2 } },
  { part: "mfr", name: "masked feature regression" },
  { part: "mvm", name: "masked visual modelling" },
  { part: "mrfr", name: "masked region feature regression" },
  { part: "mrc", name: "masked region classification" },
  { part: "mrcKl", name: "masked region classification, KL" },
  { part: "wra", name: "word-region alignment" },
];

/** The curves of a run: its loss, the parts of it that were told, its learning rate. */
export function runCurves(metrics: readonly MetricsLine[], recipe: TrainingRecipe): RunCurve[] {
  const curve = (
    name: string,
    valueOf: (line: MetricsLine) => number,
    reference: RunCurve["reference"] = null,
  ): RunCurve => ({
    name,
    points: metrics.map((line) => ({ step: line.step, value: valueOf(line) })),
    reference,
  });
  const { transformerLearningRate } = recipe.optimisation;
  const told = new Set(metrics.flatMap(({ parts }) => Object.keys(parts)));
  return [
    curve("total loss", ({ loss }) => loss),
    ...PART_CURVES.filter(({ part }) => told.has(part)).map(({ chance, name, part }) =>
      curve(name, ({ parts }) => parts[part] ?? 0, chance),
    ),
    curve("learning rate", (line) => line.learningRateFactor * transformerLearningRate),
  ];
}
