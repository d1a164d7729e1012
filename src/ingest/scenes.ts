import pLimit from "p-limit";
import type {
  LedgerEntry,
  PictureReference,
  Scene,
  SceneText,
  StoredPicture,
} from "../core/records.ts";
import { PictureFault } from "./pictures/picture-fault.ts";
import { storePicture, type StorePictureOptions } from "./pictures/store-picture.ts";
import type { PlannedScene, RecordPlace } from "./source.ts";

/** A scene that is ready, or the ledger entries of one whose picture is faulty. */
export type SceneOutcome =
  | { readonly scene: Scene; readonly quarantined?: never }
  | { readonly scene?: never; readonly quarantined: readonly LedgerEntry[] };

export interface StoreScenesOptions extends StorePictureOptions {
  /** Pictures read and decoded at the same time. */
  readonly numWorkers: number;
  readonly signal?: AbortSignal | undefined;
}

/** How many scenes may be under way or wait to be taken, for each worker. */
const SCENES_AHEAD = 4;

/**
 * Reads the pictures of planned scenes, several at a time, and gives every scene's outcome in the
 * order of the plan: the outcomes are the same for any number of workers.
 * Throws SourceError when a picture file can no longer be read.
 */
export async function* storeScenes(
  planned: AsyncIterable<PlannedScene> | Iterable<PlannedScene>,
  options: StoreScenesOptions,
): AsyncGenerator<SceneOutcome> {
  const limit = pLimit(options.numWorkers);
  const underWay: Promise<SceneOutcome>[] = [];
  try {
    for await (const scene of planned) {
      options.signal?.throwIfAborted();
      const outcome = limit(() => storeScene(scene, options));
      // Its turn to be awaited may come after it has failed; the failure is seen then.
      outcome.catch(() => {});
      underWay.push(outcome);
      if (underWay.length >= options.numWorkers * SCENES_AHEAD) yield await first(underWay);
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
  for (const reference of draft.pictures) {
    options.signal?.throwIfAborted();
    const picture = await storeOrFault(reference, options);
    if (picture instanceof PictureFault) {
      return { quarantined: quarantine(records, reference, picture) };
    }
    pictures.push(picture);
  }
  const texts = draft.texts.map((text) => inStoredPixels(text, pictures[0]));
  return { scene: { sceneKey: draft.sceneKey, pictures, texts, regions: null } };
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

async function storeOrFault(
  reference: PictureReference,
  options: StorePictureOptions,
): Promise<StoredPicture | PictureFault> {
  try {
    return await storePicture(reference, options);
  } catch (error) {
    if (error instanceof PictureFault) return error;
    throw error;
  }
}

// A text about a picture that cannot be used is of no use either: all records of the scene go.
function quarantine(
  records: readonly RecordPlace[],
  { path }: PictureReference,
  fault: PictureFault,
): LedgerEntry[] {
  const outcome = "quarantined";
  const evidence = `${path}: ${fault.message}`;
  return records.map(({ file, kind, record, id }) => {
    return { file, kind, record, id, outcome, reason: fault.code, evidence };
  });
}
