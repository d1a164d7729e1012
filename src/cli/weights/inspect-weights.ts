import { bertBaseUncased } from "../../models/bert/config.ts";
import { importWeights } from "../../models/exchange/import-weights.ts";
import { layoutNamed, nameLayouts } from "../../models/exchange/layouts.ts";
import type { MappingReport } from "../../models/exchange/mapping.ts";
import { type NameLayout, partOf } from "../../models/exchange/name-layout.ts";
import { sizeOfShape, type TensorEntry } from "../../tensor/weight-files/element-types.ts";
import { TensorFiles } from "../../tensor/weight-files/tensor-files.ts";
import { recipeNamed } from "../../train/recipes/recipe-named.ts";
import { systemOf } from "../../train/systems/system-of-recipe.ts";
import type { CommandOutcome } from "../frame.ts";
import { textTable } from "../text-table.ts";
import { reportText } from "./report-text.ts";

export interface InspectFlags {
  readonly as?: string;
  readonly model?: string;
}

interface Inspection {
  readonly file: string;
  readonly numTensors: number;
  readonly numElements: number;
  readonly sizeBytes: number;
  /** Number of tensors of each element type. */
  readonly types: Readonly<Record<string, number>>;
  /** How many of the tensors each layout knows, most first. */
  readonly layouts: readonly { readonly layout: string; readonly known: number }[];
  /** null when no layout knows a tensor. */
  readonly report: MappingReport | null;
}

/** Tells what a file of weights holds and whose names it has, and what a recipe's model would take from it. */
export async function inspectWeights(
  path: string,
  flags: InspectFlags,
): Promise<CommandOutcome<Inspection>> {
  await using files = await TensorFiles.open(path);
  const { entries } = files;
  const layouts = nameLayouts
    .map((layout) => ({ layout: layout.name, known: knownTensors(layout, entries) }))
    .toSorted((a, b) => b.known - a.known);
  const [nearest] = layouts;
  const name =
    flags.as ?? (nearest !== undefined && nearest.known > 0 ? nearest.layout : undefined);
  const layout = name === undefined ? undefined : layoutNamed(name);
  const report = layout === undefined ? null : await reportOf(path, layout, { entries, flags });
  const result: Inspection = {
    file: path,
    numTensors: entries.length,
    numElements: entries.reduce((sum, { shape }) => sum + sizeOfShape(shape), 0),
    sizeBytes: entries.reduce((sum, { end, start }) => sum + end - start, 0),
    types: countedBy(entries.map(({ dtype }) => dtype)),
    layouts,
    report,
  };
  return { result, text: inspectionText(result) };
}

function knownTensors(layout: NameLayout, entries: readonly TensorEntry[]): number {
  return entries.filter(({ name }) => {
    const present = layout.present(name);
    return layout.derived.test(present) || partOf(layout, present) !== undefined;
  }).length;
}

interface Inspected {
  readonly entries: readonly TensorEntry[];
  readonly flags: InspectFlags;
}

async function reportOf(
  path: string,
  layout: NameLayout,
  { entries, flags }: Inspected,
): Promise<MappingReport> {
  if (flags.model === undefined) {
    await using imported = await importWeights(path, { layout });
    return imported.report;
  }
  const recipe = recipeNamed(flags.model);
  const system = systemOf(recipe, vocabularyOf(entries));
  const specs = [...system.model.specs, ...system.model.buffers];
  const prefix = layout.isPictureEncoder === true ? system.visualPrefix : "";
  await using imported = await importWeights(path, { layout, specs, prefix });
  return imported.report;
}

/** A recipe takes the size of its vocabulary from the vocabulary; here from the file's words, where it has some. */
function vocabularyOf(entries: readonly TensorEntry[]): number {
  const words = entries.find(({ name }) => name.endsWith("word_embeddings.weight"));
  return words?.shape[0] ?? bertBaseUncased.vocabularySize;
}

function countedBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function inspectionText(result: Inspection): string {
  const types = Object.entries(result.types).map(([type, count]) => `${count} of ${type}`);
  const known = result.layouts.filter((layout) => layout.known > 0);
  const table = known.map(({ known: count, layout }) => [layout, count]);
  return [
    `${result.file}: ${result.numTensors.toLocaleString("en-US")} tensors (${types.join(", ")}), ${result.numElements.toLocaleString("en-US")} numbers, ${result.sizeBytes.toLocaleString("en-US")} bytes`,
    known.length === 0
      ? "no layout knows a tensor of it"
      : textTable([["layout", "tensors known"], ...table]),
    ...(result.report === null ? [] : [reportText(result.report)]),
  ].join("\n\n");
}
