import { ConfigError } from "../core/errors.ts";
import { coco } from "./datasets/coco.ts";
import type { Source } from "./source.ts";

/** Every dataset that can be prepared; adding one adds a line here and a row in the contract test. */
export const sources: readonly Source[] = [coco];

/** The source of a dataset. Throws ConfigError for a name that is none. */
export function sourceOf(dataset: string): Source {
  const source = sources.find((candidate) => candidate.dataset === dataset);
  if (source !== undefined) return source;
  const known = sources.map((candidate) => candidate.dataset).join(", ");
  throw new ConfigError(`there is no dataset "${dataset}"; there are ${known}`, {
    remedy: "correct the recipe's list of datasets",
  });
}
