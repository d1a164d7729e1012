import { z } from "zod";

import { StateError } from "../../core/errors.ts";

/** Where a stream of batches stands: all that is needed to go on exactly, on any number of ranks and workers. */
export interface LoaderState {
  readonly version: 1;
  readonly seed: number;
  readonly epoch: number;
  /** Of the next batch, in its epoch. */
  readonly step: number;
  readonly setDigests: readonly string[];
}

const count = z.int().nonnegative();
const stateSchema: z.ZodType<LoaderState> = z.strictObject({
  version: z.literal(1),
  seed: z.int(),
  epoch: count,
  step: count,
  setDigests: z.array(z.string().regex(/^[0-9a-f]{64}$/)),
});

export function serializeLoaderState(state: LoaderState): string {
  return JSON.stringify(state);
}

/** Reads what `serializeLoaderState` wrote; StateError when it is anything else. `file` is for the message. */
export function parseLoaderState(text: string, file?: string): LoaderState {
  const parsed = stateSchema.safeParse(parsedJson(text));
  if (parsed.success) return parsed.data;
  const name = file ?? "the loader's state";
  throw new StateError(`${name}: damaged: ${z.prettifyError(parsed.error)}`, {
    file,
    remedy: "start from another state, or from the beginning",
  });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
