import * as tf from "@tensorflow/tfjs-core";
import { sha256OfFile } from "../../core/digest.ts";
import { ConfigError } from "../../core/errors.ts";
import { biasTableFitting } from "../../models/exchange/bias-table-fitting.ts";
import { importWeights, type NamedWeight } from "../../models/exchange/import-weights.ts";
import { layoutNamed } from "../../models/exchange/layouts.ts";
import type { MappingReport } from "../../models/exchange/mapping.ts";
import type { StateLayouts } from "../checkpoints/checkpoint-parts.ts";
import { type FlatLayout, flatten, unflatten } from "../step/flat-weights.ts";
import type { System } from "../systems/system.ts";
import type { TrainingState } from "../step/training-state.ts";

/** A published file whose weights a run starts from, as the run's record names it. */
export interface InitialFile {
  /** The naming of its weights: "official-swin", "transformers-bert", … */
  readonly layout: string;
  readonly sha256: string;
}

/** The same with the place where it lies. */
export interface InitialSource extends InitialFile {
  readonly path: string;
}

/** Reads `LAYOUT=FILE` and the file's digest; ConfigError where it is none. */
export async function initialSource(given: string): Promise<InitialSource> {
  const equals = given.indexOf("=");
  if (equals <= 0) {
    throw new ConfigError(`--initial ${given}: expected LAYOUT=FILE`, {
      remedy: "such as --initial official-swin=swin_base.safetensors",
    });
  }
  const layout = layoutNamed(given.slice(0, equals)).name;
  const path = given.slice(equals + 1);
  return { layout, path, sha256: await sha256OfFile(path) };
}

export interface StartedState {
  readonly state: TrainingState;
  readonly reports: readonly MappingReport[];
}

/**
 * A fresh state with the weights of published files in their places; `fresh` is disposed. Files are read weight by weight.
 * StateError for a file that does not fit the model.
 */
export async function startFrom(
  fresh: TrainingState,
  sources: readonly InitialSource[],
  model: StateLayouts & { readonly system: System },
): Promise<StartedState> {
  if (sources.length === 0) return { state: fresh, reports: [] };
  const { bufferLayout, layout, system } = model;
  const weights = new Destination(layout, await fresh.weights.data());
  const buffers = new Destination(bufferLayout, await fresh.buffers.data());
  const specs = [...layout.specs, ...bufferLayout.specs];
  const reports: MappingReport[] = [];
  for (const source of sources) {
    const names = layoutNamed(source.layout);
    const prefix = names.isPictureEncoder === true ? system.visualPrefix : "";
    const options = { layout: names, specs, prefix, fitting: biasTableFitting };
    await using imported = await importWeights(source.path, options);
    for await (const weight of imported.weights()) {
      if (!weights.take(weight)) buffers.take(weight);
    }
    reports.push(imported.report);
  }
  const started = withDerived(weights.tensor(), reports, model);
  const average = fresh.average.size === 0 ? tf.clone(fresh.average) : tf.clone(started);
  tf.dispose([fresh.weights, fresh.buffers, fresh.average]);
  const state = { ...fresh, weights: started, buffers: buffers.tensor(), average };
  return { state, reports };
}

/** The weights with those that start as others do, unless a file had them; `started` is disposed. */
function withDerived(
  started: tf.Tensor1D,
  reports: readonly MappingReport[],
  { layout, system }: Pick<StateLayouts, "layout"> & { readonly system: System },
): tf.Tensor1D {
  const { derivedStart } = system;
  if (derivedStart === undefined) return started;
  const loaded = new Set(reports.flatMap((report) => report.loaded.map(({ name }) => name)));
  const derived = tf.tidy(() => {
    const named = unflatten(layout, started);
    const entries = Object.entries(derivedStart(named)).filter(([name]) => !loaded.has(name));
    return flatten(layout, { ...named, ...Object.fromEntries(entries) });
  });
  started.dispose();
  return derived;
}

/** A vector of named weights that is being filled. */
class Destination {
  readonly #values: Float32Array;
  readonly #offsets = new Map<string, number>();

  constructor(layout: FlatLayout, values: ArrayLike<number>) {
    this.#values = Float32Array.from(values);
    let offset = 0;
    for (const [place, { name }] of layout.specs.entries()) {
      this.#offsets.set(name, offset);
      offset += layout.sizes[place] ?? 0;
    }
  }

  /** Whether the weight is one of these. */
  take({ name, values }: NamedWeight): boolean {
    const offset = this.#offsets.get(name);
    if (offset === undefined) return false;
    this.#values.set(values, offset);
    return true;
  }

  tensor(): tf.Tensor1D {
    return tf.tensor1d(this.#values);
  }
}

/** What became of a file, in a line: "official-swin=…: 325 weights taken, 2 of the model missing, 1 tensor unused". */
export function importSummary(report: MappingReport): string {
  const { file, fitted, layout, loaded, missing, unused } = report;
  return [
    `${layout}=${file}: ${loaded.length} weights taken`,
    `${missing.length} of the model missing${someOf(missing)}`,
    `${unused.length} tensors unused${someOf(unused)}`,
    ...(fitted.length === 0 ? [] : [`${fitted.length} fitted to the model's size`]),
  ].join(", ");
}

function someOf(names: readonly string[]): string {
  if (names.length === 0) return "";
  return ` (${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""})`;
}
