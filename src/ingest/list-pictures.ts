import type { Progress } from "../core/progress.ts";
import { noExclusions } from "./exclusion/given-rules.ts";
import { requireFewQuarantined } from "./preparation-plan.ts";
import type { QuarantineLimit } from "./recipe.ts";
import type { ListedPicture, SourcePlan, SourceSplit } from "./source.ts";
import { sourceOf } from "./sources.ts";

export interface ListPicturesOptions {
  /** The folder with the official downloads. */
  readonly folder: string;
  /** Which of the dataset's published splits the parts are of; the manifest's first when not given. */
  readonly publishedSplit?: string | undefined;
  /** Of a dataset whose files are its parts, those to read; all when not given. */
  readonly parts?: readonly string[] | undefined;
  /** False when the parts do not matter: then the split's files need not be there, and name nothing. */
  readonly withParts?: boolean | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

const everyPart: readonly SourceSplit[] = [{ name: "all", role: "eval", parts: "everything" }];

/** That of the recipes. */
const QUARANTINE_LIMIT: QuarantineLimit = { share: 0.01, records: 50 };

/**
 * All pictures that a dataset's annotation files describe and its published split names, each once or,
 * when it is in several parts, once for each. Reads no more files than that takes.
 * Throws SourceError when there is nothing, naming a file that would be needed, when a file is damaged,
 * or when too many of its records are faulty.
 */
export async function* listPictures(
  dataset: string,
  options: ListPicturesOptions,
): AsyncGenerator<ListedPicture> {
  using plan = await planPictures(dataset, options);
  yield* plan.pictures();
}

/** The plan whose `pictures` these are, for who lists them more than once; the same errors. */
export async function planPictures(
  dataset: string,
  options: ListPicturesOptions,
): Promise<SourcePlan> {
  const { withParts = true, parts, ...common } = options;
  const wanted: readonly SourceSplit[] =
    parts === undefined ? [] : [{ name: "wanted", role: "eval", parts }];
  using held = new DisposableStack();
  const plan = held.use(
    await sourceOf(dataset).plan({
      ...common,
      splits: withParts ? wanted : everyPart,
      exclusions: noExclusions,
      acceptUnknownRelease: true,
      annotationsOnly: true,
      picturesOnly: true,
      strict: false,
    }),
  );
  // Of records that cannot be read nobody knows which pictures they are about.
  await requireFewQuarantined(plan.counts, QUARANTINE_LIMIT, plan.ledger());
  held.move();
  return plan;
}
