import { flickrPhotoId, type ImageKey, imageKey } from "../../core/keys.ts";
import type { SceneText } from "../../core/records.ts";
import { compareIds } from "../dataset-manifest.ts";
import type { PublishedSplit } from "../karpathy.ts";
import type { FoundPicture, PictureFolders } from "../pictures/picture-folders.ts";
import type { RecipeSplit } from "../recipe.ts";
import type { Fate } from "../record-ledger.ts";
import type { PlannedScene, RecordPlace, SourceOptions } from "../source.ts";
import {
  type CocoCaptions,
  cocoIdOfName,
  type ListedCaption,
  type ListedImage,
  type ReadFile,
} from "./coco-captions.ts";

/** A listed image with its captions. */
export interface CaptionedImage {
  readonly image: ListedImage;
  /** Those that can be used, by id. */
  readonly captions: ListedCaption[];
  /** How many captions name it, usable or not. */
  numListed: number;
}

/** An image that will be written, with its picture. */
export interface DecidedScene extends CaptionedImage {
  readonly picture: FoundPicture;
}

/** The longest text taken for a caption; COCO's own end at 250 characters. */
const MAX_CAPTION_CHARACTERS = 10_000;
/** Pictures looked for at the same time. */
const CONCURRENT_LOOKUPS = 64;

/** Joins captions to their images, in order of image id; those that cannot be used are noted. */
export function groupCaptions(
  { images, captions }: CocoCaptions,
  files: readonly ReadFile[],
): ReadonlyMap<string, CaptionedImage> {
  const ordered = Array.from(images.values()).toSorted((a, b) => compareIds(a.id, b.id));
  const captionsOf = new Map<string, CaptionedImage>(
    ordered.map((image) => [image.id, { image, captions: [], numListed: 0 }]),
  );
  const names = files.map(({ digest }) => digest.file).join(", ");
  for (const caption of captions.values()) {
    const listed = captionsOf.get(caption.imageId);
    if (listed !== undefined) listed.numListed += 1;
    const fate = listed === undefined ? danglingFate(caption, names) : textFate(caption.text);
    if (fate === undefined) listed?.captions.push(caption);
    else caption.ledger.note(caption, fate);
  }
  for (const listed of captionsOf.values()) {
    listed.captions.sort((a, b) => compareIds(a.id, b.id));
  }
  return captionsOf;
}

function danglingFate({ imageId }: ListedCaption, files: string): Fate {
  return {
    outcome: "quarantined",
    reason: "dangling-image-id",
    evidence: `image ${imageId} is not listed in ${files}`,
  };
}

// Texts are stored as published; only what cannot be a caption, or cannot be stored, is held back.
function textFate(text: string): Fate | undefined {
  const outcome = "quarantined";
  if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(text)) {
    return { outcome, reason: "CAP_EMPTY", evidence: "it has no visible character" };
  }
  if (text.length > MAX_CAPTION_CHARACTERS) {
    const evidence = `${text.length} characters; up to ${MAX_CAPTION_CHARACTERS} are taken`;
    return { outcome, reason: "CAP_TOO_LONG", evidence };
  }
  if (text.isWellFormed()) return undefined;
  return { outcome, reason: "CAP_NOT_UNICODE", evidence: "it has a lone surrogate" };
}

interface Decision {
  readonly captionsOf: ReadonlyMap<string, CaptionedImage>;
  readonly split: PublishedSplit | undefined;
  readonly pictures: PictureFolders;
  readonly options: SourceOptions;
}

/** The scenes of each split by image id, and the pictures looked for in vain; all else is noted. */
export async function decideScenes(
  decision: Decision,
): Promise<{ scenes: ReadonlyMap<string, readonly DecidedScene[]>; missing: string[] }> {
  const scenes = new Map<string, DecidedScene[]>(
    decision.options.splits.map(({ name }) => [name, []]),
  );
  const missing: string[] = [];
  const wanted = Array.from(decision.captionsOf.values()).filter((listed) => {
    const fate = fateBeforePicture(listed, decision);
    if (fate !== undefined) noteWhole(listed, fate);
    return fate === undefined;
  });
  for (let start = 0; start < wanted.length; start += CONCURRENT_LOOKUPS) {
    decision.options.signal?.throwIfAborted();
    const some = wanted.slice(start, start + CONCURRENT_LOOKUPS);
    const found = await Promise.all(some.map(({ image }) => findPicture(image, decision.pictures)));
    for (const [offset, listed] of some.entries()) {
      const picture = found[offset];
      const ofSplit = scenes.get(splitOf(listed.image, decision)?.name ?? "");
      if (picture === undefined) missing.push(noteMissing(listed));
      else ofSplit?.push({ ...listed, picture });
    }
  }
  return { scenes, missing };
}

function fateBeforePicture(listed: CaptionedImage, decision: Decision): Fate | undefined {
  const { image, captions, numListed } = listed;
  const outcome = "excluded";
  const split = splitOf(image, decision);
  const exclusion = decision.options.exclusions.get(keyOf(image));
  // Of two equal pictures the one that is trained on goes; the evaluation stays as it was published.
  if (exclusion !== undefined && split?.role === "train") {
    return { outcome, reason: exclusion.rule, evidence: exclusion.evidence };
  }
  if (split === undefined) {
    return { outcome, reason: "not-in-any-split", evidence: splitEvidence(image, decision) };
  }
  if (captions.length > 0) return undefined;
  const evidence =
    numListed === 0 ? "no caption names it" : `all of its ${numListed} captions are quarantined`;
  return { outcome, reason: "no-captions", evidence };
}

function splitOf(image: ListedImage, { split, options }: Decision): RecipeSplit | undefined {
  const part = split?.partOf.get(image.id)?.part;
  return options.splits.find(
    ({ parts }) => parts === "everything" || (part !== undefined && parts.includes(part)),
  );
}

function splitEvidence(image: ListedImage, { split }: Decision): string {
  const membership = split?.partOf.get(image.id);
  if (membership !== undefined) {
    return `part ${membership.part} (${membership.evidence}) is in no split of the recipe`;
  }
  return `named nowhere in ${split?.files.map(({ file }) => file).join(", ") ?? "a split"}`;
}

function findPicture(
  image: ListedImage,
  pictures: PictureFolders,
): Promise<FoundPicture | undefined> {
  const name = cocoIdOfName(image.fileName) ?? image.fileName;
  return pictures.find(name, `coco/${image.subset}`);
}

function noteMissing(listed: CaptionedImage): string {
  const path = `coco/${listed.image.subset}/${listed.image.fileName}`;
  noteWhole(listed, { outcome: "missing", reason: "no-picture", evidence: `no ${path}` });
  return path;
}

function noteWhole({ image, captions }: CaptionedImage, fate: Fate): void {
  image.ledger.note(image, fate);
  for (const caption of captions) caption.ledger.note(caption, fate);
}

/** The scene as it goes to the writer, with the records it is made of. */
export function plannedScene(scene: DecidedScene, split: string): PlannedScene {
  const { image, captions, picture } = scene;
  const key = keyOf(image);
  const reference = {
    key,
    path: picture.path,
    url: image.cocoUrl ?? image.flickrUrl,
    flickrPhotoId: flickrPhotoId(image.flickrUrl ?? "") ?? null,
    license: image.license === null ? null : (image.licenses.get(image.license) ?? null),
  };
  return {
    draft: { sceneKey: key, split, pictures: [reference], texts: captions.map(sceneText) },
    pictureSizes: [picture.sizeBytes],
    records: [image, ...captions].map(placeOf),
  };
}

function sceneText({ id, text }: ListedCaption): SceneText {
  return { id, kind: "caption", text, label: null, answers: [], choices: [], box: null };
}

function placeOf({ ledger, index, id }: ListedImage | ListedCaption): RecordPlace {
  const { file, kind } = ledger.list;
  return { file, kind, record: ledger.pointer(index), id };
}

function keyOf({ id }: ListedImage): ImageKey {
  return imageKey("coco", id);
}
