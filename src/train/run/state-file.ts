import { z } from "zod";
import { StateError } from "../../core/errors.ts";

export interface StateFilePlace {
  readonly file: string;
  /** Where in the file, such as "line 12". */
  readonly record?: string;
  readonly remedy: string;
}

/** What a JSON text of a run's folder says; StateError where it is no JSON or not of this form. */
export function parseStateJson<Value>(
  schema: z.ZodType<Value>,
  text: string,
  place: StateFilePlace,
): Value {
  const parsed = schema.safeParse(jsonOf(text, place));
  if (parsed.success) return parsed.data;
  throw damaged(z.prettifyError(parsed.error), place);
}

function jsonOf(text: string, place: StateFilePlace): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(String(error), place);
  }
}

function damaged(fault: string, place: StateFilePlace): StateError {
  const where = place.record === undefined ? place.file : `${place.file}, ${place.record}`;
  return new StateError(`${where}: damaged: ${fault}`, place);
}
