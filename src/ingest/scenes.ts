import pLimit from "p-limit";
import type {
  LedgerEntry,
  PictureRegions,
  Scene,
  SceneText,
  StoredPicture,
} from "../core/records.ts";
import { PictureFault } from "./pictures/picture-fault.ts";
import type { PicturePool } from "./pictures/picture-pool.ts";
import { RegionFault } from "./regions/region-fault.ts";
import type { RegionSource } from "./regions/region-source.ts";
import type { PlannedScene, RecordPlace } from "./source.ts";

/** A scene that is ready, or the ledger entries of one whose picture or region features are faulty. */
export type SceneOutcome =
  | { readonly scene: Scene; readonly quarantined?: never }
  | { readonly scene?: never; readonly quarantined: readonly LedgerEntry[] };

export interface StoreScenesOptions {
  /** What reads and decodes the pictures. */
  readonly pictures: Pick<PicturePool, "capacity" | "store">;
  /** Where region features come from, when the recipe wants any. */
  readonly regions?: RegionSource | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How many scenes may be under way or wait to be taken, for each picture that the pool has room for. */
const SCENES_AHEAD = 2;

/**
 * Reads the pictures of planned scenes, several at a time, and gives every scene's outcome in the
 * order of the plan: the outcomes are the same for any number of workers.
 * Boxes come out in pixels of the stored pictures.
 * Throws SourceError when a picture file or region features can no longer be read.
 */
export async function* storeScenes(
  planned: AsyncIterable<PlannedScene> | Iterable<PlannedScene>,
  options: StoreScenesOptions,
): AsyncGenerator<SceneOutcome> {
  const { capacity } = options.pictures;
  const limit = pLimit(capacity);
  const underWay: Promise<SceneOutcome>[] = [];
  try {
    for await (const scene of planned) {
      options.signal?.throwIfAborted();
      const outcome = limit(() => storeScene(scene, options));
      // Its turn to be awaited may come after it has failed; the failure is seen then.
      outcome.catch(() => {});
      underWay.push(outcome);
      if (underWay.length >= capacity * SCENES_AHEAD) yield await first(underWay);
    }
    while (underWay.length > 0) yield await first(underWay);
  } finally {
    limit.clearQueue();
  }
}

function first(underWay: Promise<SceneOutcome>[]): Promise<SceneOutcome> {
  const outcome = underWay.shift();
  if (outcome === undefined) throw new Error("no scene is under way");
  return outcome;
}

async function storeScene(
  { draft, records }: PlannedScene,
  options: StoreScenesOptions,
): Promise<SceneOutcome> {
  const pictures: StoredPicture[] = [];
  const regions: (PictureRegions | null)[] = [];
  for (const reference of draft.pictures) {
    options.signal?.throwIfAborted();
    try {
      const picture = await options.pictures.store(reference);
      pictures.push(picture);
      regions.push((await options.regions?.read(picture)) ?? null);
    } catch (error) {
      if (error instanceof PictureFault) {
        const evidence = `${reference.path}: ${error.message}`;
        return { quarantined: quarantine(records, error.code, evidence) };
      }
      if (!(error instanceof RegionFault)) throw error;
      return { quarantined: quarantine(records, error.code, error.message) };
    }
  }
  const texts = draft.texts.map((text) => inStoredPixels(text, pictures[0]));
  const hasRegions = options.regions !== undefined;
  return {
    scene: { sceneKey: draft.sceneKey, pictures, texts, regions: hasRegions ? regions : null },
  };
}

/** A box is published in pixels of the file as it lies there, unturned; so are the stored pixels. */
function inStoredPixels(text: SceneText, picture: StoredPicture | undefined): SceneText {
  if (text.box === null || picture === undefined) return text;
  const scaleX = picture.width / picture.sourceWidth;
  const scaleY = picture.height / picture.sourceHeight;
  const { x, y, width, height } = text.box;
  return {
    ...text,
    box: { x: x * scaleX, y: y * scaleY, width: width * scaleX, height: height * scaleY },
  };
}

// A text about a picture that cannot be used is of no use either: all records of the scene go.
function quarantine(
  records: readonly RecordPlace[],
  reason: string,
  evidence: string,
): LedgerEntry[] {
  const outcome = "quarantined";
  return records.map(({ file, kind, record, id }) => {
    return { file, kind, record, id, outcome, reason, evidence };
  });
}
