import { ConfigError } from "../../core/errors.ts";
import { sizeOfShape } from "../../tensor/weight-files/element-types.ts";
import {
  INDEX_SUFFIX,
  type TensorSource,
  writeTensors,
  writeTensorShards,
} from "../../tensor/weight-files/tensor-writer.ts";
import { type NameLayout, theirNames } from "./name-layout.ts";

/** One of our weights, whose values are made when its turn to be written comes. */
export interface WeightSource {
  readonly name: string;
  readonly shape: readonly number[];
  readonly load: () => Promise<Float32Array>;
}

export interface ExportOptions {
  /** Left out: our own names. */
  readonly layout?: NameLayout;
  /** Only weights whose names begin with this, such as "visual.", are written, without it. */
  readonly prefix?: string;
  /** For a `path` that ends in ".safetensors.index.json". */
  readonly maxFileBytes?: number;
}

export interface ExportReport {
  readonly written: readonly { readonly name: string; readonly from: string }[];
  /** Weights that the layout has no names for. */
  readonly left: readonly string[];
}

/** transformers' own limit of a file, 50 GB, rounded down to what every file system and store takes. */
const MAX_FILE_BYTES = 5_000_000_000;

/**
 * Writes weights as safetensors under a layout's names, one at a time; to one file, or to several beside an index when
 * `path` ends in ".safetensors.index.json". ConfigError when the layout has a name for none of them.
 */
export async function exportWeights(
  path: string,
  weights: readonly WeightSource[],
  options: ExportOptions = {},
): Promise<ExportReport> {
  const report = plannedExport(path, weights, options);
  const named = namedWeights(weights, options);
  const parts = named.flatMap(({ theirs = [], weight }) => partsOf(weight, theirs));
  const tensors = [...parts, ...sharedTable(weights, options)];
  const { maxFileBytes = MAX_FILE_BYTES } = options;
  await (path.endsWith(INDEX_SUFFIX)
    ? writeTensorShards(path, tensors, maxFileBytes)
    : writeTensors(path, tensors));
  return report;
}

/** What `exportWeights` would write; it throws the same. */
export function plannedExport(
  path: string,
  weights: readonly WeightSource[],
  options: ExportOptions = {},
): ExportReport {
  const named = namedWeights(weights, options);
  const written = named.flatMap(({ theirs = [], weight }) =>
    theirs.map((name) => ({ name, from: weight.name })),
  );
  if (written.length === 0) throw nothingToWrite(path, options);
  const left = named.filter(({ theirs }) => theirs === undefined);
  return { written, left: left.map(({ weight }) => weight.name) };
}

interface NamedSource {
  readonly weight: WeightSource;
  readonly theirs: readonly string[] | undefined;
}

function namedWeights(
  weights: readonly WeightSource[],
  { layout, prefix = "" }: ExportOptions,
): NamedSource[] {
  return weights
    .filter(({ name }) => name.startsWith(prefix))
    .map((weight) => {
      const ours = weight.name.slice(prefix.length);
      return { weight, theirs: layout === undefined ? [ours] : theirNames(layout, ours) };
    });
}

function partsOf(weight: WeightSource, theirs: readonly string[]): TensorSource[] {
  const [rows = 1, ...rest] = weight.shape;
  const shape = theirs.length === 1 ? weight.shape : [rows / theirs.length, ...rest];
  const length = sizeOfShape(shape);
  return theirs.map((name, index) => ({
    name,
    dtype: "F32",
    shape,
    load: async () => (await weight.load()).subarray(index * length, (index + 1) * length),
  }));
}

/** Where the model has no table of shared rows, zeros in its place: otherwise their programs would draw one at random. */
function sharedTable(
  weights: readonly WeightSource[],
  { layout, prefix = "" }: ExportOptions,
): TensorSource[] {
  const { sharedRow } = layout ?? {};
  if (layout === undefined || sharedRow === undefined) return [];
  const into = weights.find(({ name }) => name === prefix + sharedRow.into);
  const hasTable = weights.some(({ name }) => name === prefix + sharedRow.table);
  const [name] = theirNames(layout, sharedRow.table) ?? [];
  if (into === undefined || hasTable || name === undefined) return [];
  const shape = [sharedRow.rows, into.shape.at(-1) ?? 0];
  const zeros = new Float32Array(sizeOfShape(shape));
  return [{ name, dtype: "F32", shape, load: () => Promise.resolve(zeros) }];
}

function nothingToWrite(path: string, { layout, prefix = "" }: ExportOptions): ConfigError {
  const what = `weights whose names begin with "${prefix}"`;
  return new ConfigError(`${path}: ${layout?.name ?? "our layout"} has no names for any ${what}`, {
    remedy: "give the part of the model that the layout is of, such as visual. for a Swin",
  });
}
