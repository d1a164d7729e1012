import { ConfigError } from "../../core/errors.ts";
import { refuseOtherFile } from "../../core/files.ts";
import {
  type ExportReport,
  exportWeights,
  plannedExport,
  type WeightSource,
} from "../../models/exchange/export-weights.ts";
import { importWeights, type ImportedWeights } from "../../models/exchange/import-weights.ts";
import { layoutNamed } from "../../models/exchange/layouts.ts";
import type { MappingReport } from "../../models/exchange/mapping.ts";
import { ownLayout } from "../../models/exchange/own-names.ts";
import type { CommandOutcome } from "../frame.ts";
import { reportText } from "./report-text.ts";

export interface ConvertFlags {
  readonly out: string;
  readonly from?: string;
  readonly to?: string;
  readonly part: string;
  readonly dryRun?: boolean;
}

interface Conversion {
  readonly from: MappingReport;
  readonly to: ExportReport;
  /** null with --dry-run */
  readonly out: string | null;
}

/** Writes the weights of a file under other names, one at a time. */
export async function convertWeights(
  path: string,
  flags: ConvertFlags,
): Promise<CommandOutcome<Conversion>> {
  if (flags.from === undefined && flags.to === undefined) {
    throw new ConfigError("neither --from nor --to is given: the names would stay as they are", {
      remedy: "say whose names the file has, or whose are to be written",
    });
  }
  const isDry = flags.dryRun === true;
  if (!isDry) await refuseOtherFile(flags.out, neverOverwritten);
  await using imported = await importOf(path, flags);
  const options = {
    ...(flags.to === undefined ? {} : { layout: layoutNamed(flags.to) }),
    prefix: flags.to === undefined ? "" : flags.part,
  };
  const sources = sourcesOf(imported);
  const to = isDry
    ? plannedExport(flags.out, sources, options)
    : await exportWeights(flags.out, sources, options);
  const result = { from: imported.report, to, out: isDry ? null : flags.out };
  return { result, text: conversionText(result) };
}

const neverOverwritten = { whatItIsNot: "would be overwritten", isEarlier: () => false } as const;

async function importOf(path: string, { from, part }: ConvertFlags): Promise<ImportedWeights> {
  if (from === undefined) return await importWeights(path, { layout: ownLayout });
  return await importWeights(path, { layout: layoutNamed(from), prefix: part });
}

function sourcesOf(imported: ImportedWeights): WeightSource[] {
  return imported.mapped.map((weight) => ({
    name: weight.name,
    shape: weight.shape,
    load: async () => (await imported.read(weight)).values,
  }));
}

function conversionText({ from, out, to }: Conversion): string {
  const left = to.left.map((name) => `  ${name}`);
  return [
    reportText(from),
    `${to.written.length} tensors ${out === null ? "would be written (--dry-run)" : `written to ${out}`}`,
    ...(left.length === 0 ? [] : [`${left.length} weights that it has no names for:`, ...left]),
  ].join("\n");
}
