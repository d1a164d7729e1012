import { ShardError } from "../../core/errors.ts";
import type { PictureInfo, PictureRegions, SceneHead, SceneText } from "../../core/records.ts";
import { sampleDraws, type SampleKey } from "../draws.ts";
import type { LoaderOptions, PairingOptions } from "../options.ts";
import { type LabelledTask, picturesOf } from "../labelled/labelled-task.ts";
import { type Pairing, pairSample } from "../pairing/pair-sample.ts";
import { isPairable } from "../pairing/scene-texts.ts";
import type { SceneLookup } from "../pairing/unmatched-search.ts";
import { type DrawnView, drawView, isTextShown } from "../pictures/augment.ts";
import type { PixelCache } from "../pictures/pixel-cache.ts";
import type { ReadMemory } from "../pictures/read-memory.ts";
import type { WordPieceTokenizer } from "../text/word-piece.ts";

/** Where samples come from: all scenes of the training splits, numbered. */
export interface SampleLookup extends SceneLookup {
  /** Perhaps in `into`, where they are valid until it is used again. */
  pictureBytes(
    sampleIndex: number,
    pictureIndex: number,
    into?: Uint8Array,
  ): Uint8Array | Promise<Uint8Array>;
  /** What a detector saw in a picture; null where the set has nothing for it. */
  regions(sampleIndex: number, pictureIndex: number): Promise<PictureRegions | null>;
}

export interface SampleContext {
  readonly samples: SampleLookup;
  readonly tokenizer: WordPieceTokenizer;
  readonly options: LoaderOptions;
  /** Pictures that were shown whole and upright, by sample index. */
  readonly wholePictures: PixelCache;
  readonly readMemory: ReadMemory;
}

/** Which picture a sample shows and what part of it. */
export interface PicturePlan {
  /** The sample that owns the picture. */
  readonly pictureIndex: number;
  readonly picture: PictureInfo;
  /** The other picture of a sample of two. */
  readonly second?: PictureInfo;
  readonly drawn: DrawnView;
  /** The scene whose texts meet the picture. */
  readonly head: SceneHead;
  /** Whether a text of the sample speaks of what is shown; present where the picture is cropped. */
  readonly isShown: ((text: SceneText) => boolean) | undefined;
  /** Present where the picture could not be known without it. */
  readonly pairing: Pairing | undefined;
}

type PlanContext = Pick<SampleContext, "tokenizer" | "options"> & { readonly samples: SceneLookup };

/**
 * A pure function of heads, options and key, so that all ranks agree on it: no picture is read. ShardError when a head is
 * damaged. A crop that hides what all of a picture's texts speak of gives way to the whole picture.
 */
export async function planPicture(key: SampleKey, context: PlanContext): Promise<PicturePlan> {
  const { options, samples } = context;
  const head = await samples.head(key.sampleIndex);
  if (options.pairing.kind === "labelled") return wholePictures(key, head, options.pairing.task);
  const picture = onlyPicture(head);
  const drawn = drawView(picture, sampleDraws("augmentation", key), options.augment);
  const { textIndex } = key;
  const texts = textIndex === undefined ? head.texts : head.texts.slice(textIndex, textIndex + 1);
  const isShown = (text: SceneText): boolean => isTextShown(text, picture, drawn.crop);
  const isCropUsed = texts.some((text) => isPairable(text) && isShown(text));
  const own = {
    pictureIndex: key.sampleIndex,
    picture,
    head,
    drawn: isCropUsed ? drawn : { ...drawn, crop: null },
    isShown: isCropUsed ? isShown : undefined,
    pairing: undefined,
  };
  if (!mayReplacePicture(options.pairing)) return own;
  const pairing = await pairOf(key, own, context);
  const { pictureIndex } = pairing;
  if (pictureIndex === key.sampleIndex) return { ...own, pairing };
  const other = onlyPicture(await samples.head(pictureIndex));
  return {
    pictureIndex,
    pairing,
    head,
    picture: other,
    drawn: drawView(other, sampleDraws("augmentation", key), options.augment),
    isShown: undefined,
  };
}

/** What is asked of a text may be anywhere in its picture, so that nothing is cut off. */
function wholePictures(key: SampleKey, head: SceneHead, task: LabelledTask): PicturePlan {
  const [picture, second, third] = head.pictures;
  const hasTwo = picturesOf(task) === 2;
  if (picture === undefined || hasTwo === (second === undefined) || third !== undefined) {
    throw new ShardError(
      `scene ${head.sceneKey} has ${head.pictures.length} pictures, expected ${picturesOf(task)}`,
      { record: head.sceneKey, remedy: "name another task, or other splits" },
    );
  }
  return {
    pictureIndex: key.sampleIndex,
    picture,
    ...(second && { second }),
    head,
    drawn: { crop: null, wantsFlip: false },
    isShown: undefined,
    pairing: undefined,
  };
}

/** The texts that the picture of a plan meets. */
export async function pairOf(
  key: SampleKey,
  { head, isShown, pairing }: Pick<PicturePlan, "head" | "isShown" | "pairing">,
  { options, samples, tokenizer }: PlanContext,
): Promise<Pairing> {
  if (pairing !== undefined) return pairing;
  return pairSample(key, {
    head,
    scenes: samples,
    pairing: options.pairing,
    rules: { tokenizer, ...options.text },
    ...(isShown === undefined ? {} : { isShown }),
  });
}

function mayReplacePicture(pairing: PairingOptions): boolean {
  return pairing.kind === "bernoulli" && pairing.replace !== "text";
}

function onlyPicture(head: SceneHead): PictureInfo {
  const [picture, second] = head.pictures;
  if (picture !== undefined && second === undefined) return picture;
  throw new ShardError(
    `scene ${head.sceneKey} has ${head.pictures.length} pictures; pairs are made of scenes with one`,
    { record: head.sceneKey, remedy: "train on splits of one-picture scenes" },
  );
}
