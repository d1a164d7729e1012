import { SourceError } from "../../core/errors.ts";
import type { SceneDraft } from "../../core/records.ts";
import { isOfAbsentFile } from "../exclusion/absent-files.ts";
import { noExclusions } from "../exclusion/given-rules.ts";
import type { SourcePlan, SourceSplit } from "../source.ts";
import { sourceOf } from "../sources.ts";
import type { ListingOptions } from "./listed-dataset.ts";
import { listSnliScenes, snliDataset } from "./snli.ts";

/** Parts of a dataset with their texts, as its annotation files tell them. */
export interface ListedScenes extends Disposable {
  /** The scenes of one of the splits, as often as they are asked for; always in the same order. */
  scenes(split: string): Iterable<SceneDraft> | AsyncIterable<SceneDraft>;
}

interface WantedScenes {
  readonly dataset: string;
  /** The published split that the parts are of; the manifest's first when not given. */
  readonly split: string | undefined;
  readonly splits: readonly SourceSplit[];
}

/**
 * Opens the scenes of some parts of a dataset with all of their texts; undefined where a file that this takes is not
 * there. Throws SourceError when one is damaged, ConfigError for a dataset, split or part that there is not.
 */
export async function openScenes(
  wanted: WantedScenes,
  options: ListingOptions,
): Promise<ListedScenes | undefined> {
  const { dataset, splits, split: publishedSplit } = wanted;
  if (dataset === snliDataset) return listSnliScenes(options);
  try {
    const plan = await sourceOf(dataset).plan({
      ...options,
      publishedSplit,
      splits,
      exclusions: noExclusions,
      acceptUnknownRelease: true,
      annotationsOnly: true,
      strict: false,
    });
    return {
      scenes: (split) => drafts(plan.scenes(split)),
      [Symbol.dispose]: () => plan[Symbol.dispose](),
    };
  } catch (error) {
    if (error instanceof SourceError && (await isOfAbsentFile(error, options.folder))) {
      return undefined;
    }
    throw error;
  }
}

async function* drafts(scenes: ReturnType<SourcePlan["scenes"]>): AsyncGenerator<SceneDraft> {
  for await (const { draft } of scenes) yield draft;
}
