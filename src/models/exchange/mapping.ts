import { StateError } from "../../core/errors.ts";
import { sizeOfShape, type TensorEntry } from "../../tensor/weight-files/element-types.ts";
import type { WeightSpec } from "../weights.ts";
import { type NameLayout, partOf, theirNames } from "./name-layout.ts";

/** One of our weights and where it comes from. */
export interface MappedWeight {
  /** With the prefix. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Joined along the first axis. */
  readonly parts: readonly TensorEntry[];
  /** A table whose first row is added to each of the weight's. */
  readonly addedRow?: TensorEntry;
}

/** What became of each tensor of a file and of each weight of a model. */
export interface MappingReport {
  readonly file: string;
  readonly layout: string;
  readonly loaded: readonly {
    readonly name: string;
    readonly from: readonly string[];
    readonly shape: readonly number[];
    readonly dtype: string;
  }[];
  /** Weights of the model that the layout has names for and the file lacks. */
  readonly missing: readonly string[];
  /** Tensors of the file that no weight takes. */
  readonly unused: readonly string[];
  /** Tensors that follow from others or from the configuration. */
  readonly derived: readonly string[];
  /** Weights of the model that the layout has no names for: they stay as they are. */
  readonly outside: readonly string[];
  /** Weights whose shape in the file is another, fitted as the caller asked. */
  readonly fitted: readonly string[];
  /** Tables whose first row was added to another weight, as the model has no such table. */
  readonly folded: readonly string[];
}

export interface Mapping {
  readonly weights: readonly MappedWeight[];
  readonly report: MappingReport;
}

export interface MappingRequest {
  readonly file: string;
  readonly layout: NameLayout;
  /** What our names begin with, such as "visual."; only such weights take part. */
  readonly prefix: string;
  /** The model's weights and buffers; undefined: whatever the file has. */
  readonly specs: readonly WeightSpec[] | undefined;
  /** Whether a weight of another shape can be made from the file's. */
  readonly fits?: (spec: WeightSpec, shape: readonly number[]) => boolean;
}

interface Sorted {
  /** By present name, what is no derived tensor. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly derived: readonly string[];
}

/**
 * Says for each of our weights which tensors of a file make it, and what is left over on either side. StateError when a
 * shape is another (all of them are named), when two tensors have one meaning, or when nothing fits.
 */
export function mapWeights(entries: readonly TensorEntry[], request: MappingRequest): Mapping {
  const { file, layout } = request;
  const sorted = sortEntries(entries, request);
  const wanted = request.specs === undefined ? ownedSpecs(sorted, request) : ofPrefix(request);
  const known = wanted.filter(({ theirs }) => theirs !== undefined);
  const found = known.flatMap(({ spec, theirs = [] }): FoundWeight[] => {
    const parts = theirs.map((name) => sorted.entries.get(name));
    const whole = parts.filter((part) => part !== undefined);
    return whole.length === parts.length ? [{ spec, parts: whole }] : [];
  });
  const fitted = requireShapes(found, request);
  const weights = found.map((weight) => mapped(weight, { sorted, request }));
  const used = new Set(
    weights.flatMap(({ addedRow, parts }) => [...parts, ...(addedRow ? [addedRow] : [])]),
  );
  if (weights.length === 0) throw nothingFits(file, layout);
  const loaded = new Set(weights.map(({ name }) => name));
  return {
    weights,
    report: {
      file,
      layout: layout.name,
      loaded: weights.map(({ name, parts, shape }) => ({
        name,
        from: parts.map((part) => part.name),
        shape,
        dtype: parts[0]?.dtype ?? "",
      })),
      missing: known.map(({ spec }) => spec.name).filter((name) => !loaded.has(name)),
      unused: [...sorted.entries.values()].filter((entry) => !used.has(entry)).map(nameOf),
      derived: sorted.derived,
      outside: wanted.filter(({ theirs }) => theirs === undefined).map(({ spec }) => spec.name),
      fitted,
      folded: weights.flatMap(({ addedRow }) => (addedRow === undefined ? [] : [addedRow.name])),
    },
  };
}

interface WantedWeight {
  readonly spec: WeightSpec;
  readonly theirs: readonly string[] | undefined;
}

interface FoundWeight {
  readonly spec: WeightSpec;
  readonly parts: readonly TensorEntry[];
}

function nameOf({ name }: TensorEntry): string {
  return name;
}

function sortEntries(entries: readonly TensorEntry[], request: MappingRequest): Sorted {
  const { file, layout } = request;
  const byName = new Map<string, TensorEntry>();
  const derived: string[] = [];
  for (const entry of entries) {
    const present = layout.present(entry.name);
    const twin = byName.get(present);
    if (layout.derived.test(present)) {
      derived.push(entry.name);
    } else if (twin === undefined) {
      byName.set(present, entry);
    } else {
      throw new StateError(
        `${file}: ${twin.name} and ${entry.name} are both ${present} of ${layout.name}`,
        { file, record: entry.name, remedy: "take one of them out of the file" },
      );
    }
  }
  return { entries: byName, derived };
}

function ofPrefix({ layout, prefix, specs = [] }: MappingRequest): WantedWeight[] {
  return specs
    .filter(({ name }) => name.startsWith(prefix))
    .map((spec) => ({ spec, theirs: theirNames(layout, spec.name.slice(prefix.length)) }));
}

/** Our weights that the tensors of a file make, with their shapes as they come. */
function ownedSpecs({ entries }: Sorted, { layout, prefix }: MappingRequest): WantedWeight[] {
  const names = new Set(
    [...entries.keys()].flatMap((present) => partOf(layout, present)?.ours ?? []),
  );
  return [...names].map((ours) => {
    const theirs = theirNames(layout, ours) ?? [];
    const shapes = theirs.flatMap((name) => {
      const entry = entries.get(name);
      return entry === undefined ? [] : [entry.shape];
    });
    const shape = joinedShape(shapes) ?? [];
    return { spec: { name: prefix + ours, shape, initialisation: "zeros" }, theirs };
  });
}

/** The shape of tensors joined along the first axis; undefined when they cannot be. */
function joinedShape(shapes: readonly (readonly number[])[]): readonly number[] | undefined {
  const [first = [], ...rest] = shapes;
  if (rest.length === 0) return first;
  const isAlike = rest.every((shape) => shape.join() === first.join());
  return isAlike && first.length > 0
    ? [shapes.length * (first[0] ?? 0), ...first.slice(1)]
    : undefined;
}

/** Names of the weights that are to be fitted; throws where that cannot be done. */
function requireShapes(found: readonly FoundWeight[], request: MappingRequest): string[] {
  const fitted: string[] = [];
  const faults: string[] = [];
  for (const { parts, spec } of found) {
    const shape = joinedShape(parts.map((part) => part.shape));
    if (shape !== undefined && isSameShape(shape, spec.shape)) continue;
    if (shape !== undefined && request.fits?.(spec, shape) === true) fitted.push(spec.name);
    else faults.push(shapeFault(spec, parts));
  }
  if (faults.length === 0) return fitted;
  throw new StateError(
    [`${request.file}: ${faults.length} shapes are not the model's`, ...faults].join("\n  "),
    {
      file: request.file,
      remedy: "take the recipe of this model's size, or another file",
    },
  );
}

/** Axes of size one are no difference: a single vector may be stored as a table of one row. */
function isSameShape(theirs: readonly number[], ours: readonly number[]): boolean {
  const [left, right] = [theirs, ours].map((shape) => shape.filter((size) => size !== 1).join());
  return left === right && sizeOfShape(theirs) === sizeOfShape(ours);
}

function shapeFault(spec: WeightSpec, parts: readonly TensorEntry[]): string {
  const theirs = parts.map(({ name, shape }) => `${name} [${shape.join(", ")}]`);
  return `${theirs.join(" + ")}, the model's ${spec.name} [${spec.shape.join(", ")}]`;
}

function mapped(
  { parts, spec }: FoundWeight,
  { request, sorted }: { readonly request: MappingRequest; readonly sorted: Sorted },
): MappedWeight {
  const addedRow = addedRowOf(spec, { request, sorted });
  return { name: spec.name, shape: spec.shape, parts, ...(addedRow && { addedRow }) };
}

function addedRowOf(
  spec: WeightSpec,
  { request, sorted }: { readonly request: MappingRequest; readonly sorted: Sorted },
): TensorEntry | undefined {
  const { layout, prefix, specs } = request;
  const { sharedRow } = layout;
  if (sharedRow === undefined || spec.name !== prefix + sharedRow.into) return undefined;
  // Without a model to ask, everything stays as the file has it.
  const hasTable = specs?.some(({ name }) => name === prefix + sharedRow.table) ?? true;
  const [theirs = ""] = theirNames(layout, sharedRow.table) ?? [];
  return hasTable ? undefined : sorted.entries.get(theirs);
}

function nothingFits(file: string, layout: NameLayout): StateError {
  return new StateError(`${file}: no tensor has a name of ${layout.name} (${layout.origin})`, {
    file,
    remedy: "crossweave weights inspect tells whose names the file has",
  });
}
