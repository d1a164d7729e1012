import { imageKey, type ImageKey } from "../../core/keys.ts";
import { RandomStream } from "../../core/random.ts";
import { viewOf, type Rendering } from "./picture.ts";
import type { Photograph, View } from "./scene.ts";

/** The folders of the six datasets, which are their names. */
export const datasetNames = ["coco", "vg", "flickr30k", "vqa2", "nlvr2", "snli-ve"] as const;
export type DatasetName = (typeof datasetNames)[number];

/** A picture file of the small world, with what is true of it. */
export interface WorldPicture {
  readonly key: ImageKey;
  readonly dataset: DatasetName;
  readonly split: string;
  /** Path below the world's folder. */
  readonly path: string;
  readonly photograph: Photograph;
  readonly rendering: Rendering;
  readonly format: "jpeg" | "png";
  readonly view: View;
  /** The Flickr photo that the annotation file says the picture is; null where it says none. */
  readonly flickrPhotoId: string | null;
  readonly url: string | null;
}

export interface WorldDocument {
  /** Path below the world's folder. */
  readonly path: string;
  readonly text: string;
}

export type LeakKind =
  | "same-key"
  | "same-flickr-photo"
  | "same-bytes"
  | "re-encoded"
  | "resized"
  | "cropped"
  | "flipped"
  | "mirrored-id"
  | "text-with-label";

export interface LeakSide {
  readonly dataset: DatasetName;
  readonly split: string;
  readonly key: ImageKey;
  readonly path: string;
  /** The publisher's id of the text, for a leak of texts. */
  readonly textId?: string;
}

/** One leak put there on purpose: a training picture or text that an evaluation split holds too. */
export interface PlantedLeak {
  readonly kind: LeakKind;
  readonly train: LeakSide;
  readonly eval: LeakSide;
  /** The keys from the training picture to the evaluation picture, in order. */
  readonly chain: readonly string[];
}

/** What a dataset adds to the world. */
export interface WorldPart {
  readonly pictures: readonly WorldPicture[];
  readonly documents: readonly WorldDocument[];
  readonly leaks: readonly PlantedLeak[];
  /** Every text written, for the vocabulary. */
  readonly texts: readonly string[];
  /** How many texts (captions, questions, …) each split holds. */
  readonly numTexts: Readonly<Record<string, number>>;
}

/** How many of everything; pictures unless the name says otherwise. */
export interface WorldSizes {
  readonly coco: Readonly<Record<"train" | "restval" | "val" | "test" | "test2015", number>>;
  readonly vg: number;
  readonly flickr30k: Readonly<Record<"train" | "val" | "test", number>>;
  readonly vqa2TrainPictures: number;
  /** Sets of four pairs, as NLVR2's writers were shown them. */
  readonly nlvr2Sets: Readonly<Record<"train" | "dev" | "test1", number>>;
}

/** The sizes at a scale; never less than the planted leaks need. */
export function worldSizes(scale: number): WorldSizes {
  const at = (count: number, atLeast: number): number =>
    Math.max(Math.round(count * scale), atLeast);
  return {
    coco: {
      train: at(1200, 40),
      restval: at(400, 12),
      val: at(100, 8),
      test: at(200, 24),
      test2015: at(40, 2),
    },
    vg: at(200, 28),
    flickr30k: { train: at(200, 20), val: at(40, 6), test: at(60, 16) },
    vqa2TrainPictures: at(600, 12),
    nlvr2Sets: { train: at(40, 4), dev: at(10, 2), test1: at(10, 2) },
  };
}

// Each kind of draw has its own number, so that adding one changes no other.
const streams = {
  coco: 1,
  vg: 2,
  flickr30k: 3,
  vqa2: 4,
  nlvr2: 5,
  "snli-ve": 6,
} as const;

/** The draws of a dataset's item: a pure function of its arguments. */
export function streamOf(seed: number, dataset: DatasetName, ...item: number[]): RandomStream {
  return new RandomStream(seed, streams[dataset], ...item);
}

const FIRST_PHOTO_ID = { coco: 2_050_000_000, vg: 520_000_000, flickr30k: 1_000_000_000 };
const PHOTO_ID_STRIDE = { coco: 104_729, vg: 94_307, flickr30k: 1_234_567 };

/**
 * A Flickr photo id that no other item has: like the real ones it has 9 to 11 digits, some past
 * 2^31. Ids modulo 10 tell the datasets apart.
 */
export function newFlickrPhotoId(dataset: "coco" | "vg" | "flickr30k", index: number): string {
  const tens = Math.floor(FIRST_PHOTO_ID[dataset] / 10) + index * PHOTO_ID_STRIDE[dataset];
  return String(tens * 10 + streams[dataset]);
}

export type FlickrUrlForm = "farm-staticflickr" | "farm-static" | "https-c" | "live";

/** A photo's address in one of the forms that Flickr has used over the years. */
export function flickrUrl(photoId: string, form: FlickrUrlForm, random: RandomStream): string {
  const server = 2000 + random.nextInt(6000);
  const farm = 1 + random.nextInt(9);
  const secret = [0, 1].map(() => (random.nextUint32() >>> 12).toString(16).padStart(5, "0"));
  const name = `${photoId}_${secret.join("")}`;
  switch (form) {
    case "farm-staticflickr":
      return `http://farm${farm}.staticflickr.com/${server}/${name}_z.jpg`;
    case "farm-static":
      return `http://farm${farm}.static.flickr.com/${server}/${name}.jpg`;
    case "https-c":
      return `https://c${farm}.staticflickr.com/${farm}/${server}/${name}_b.jpg`;
    case "live":
      return `https://live.staticflickr.com/${server}/${name}_z.jpg`;
  }
}

/** A picture as its dataset names it, showing what another picture shows. */
export function copyOf(
  picture: WorldPicture,
  photograph: Photograph,
  rendering: Rendering,
): WorldPicture {
  return { ...picture, photograph, rendering, view: viewOf(photograph, rendering) };
}

/** Hands out pictures for planting, each once, in an order drawn from `random`. */
export class PicturePool {
  readonly #left = new Map<string, WorldPicture[]>();

  constructor(pictures: readonly WorldPicture[], random: RandomStream) {
    for (const picture of random.shuffled(pictures)) {
      const ofSplit = this.#left.get(picture.split) ?? [];
      ofSplit.push(picture);
      this.#left.set(picture.split, ofSplit);
    }
  }

  /** The next unused picture of a split. */
  take(split: string): WorldPicture {
    const picture = this.#left.get(split)?.shift();
    if (picture === undefined) throw new RangeError(`no picture of ${split} is left to plant`);
    return picture;
  }

  /** The pictures of a split that nothing was planted on. */
  untouched(split: string): readonly WorldPicture[] {
    return this.#left.get(split) ?? [];
  }
}

/** A side of a leak: a picture, seen as a record of `dataset` and `split` where these are not its own. */
export function sideOf(picture: WorldPicture, seenAs: Partial<LeakSide> = {}): LeakSide {
  const { dataset, split, key, path } = picture;
  return { dataset, split, key, path, ...seenAs };
}

export function flickr30kKey(photoId: string): ImageKey {
  return imageKey("flickr30k", photoId);
}

export function jsonLines(records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}
