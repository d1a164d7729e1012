import { imageKey } from "../../core/keys.ts";
import type { RandomStream } from "../../core/random.ts";
import { asSentence, captionsOf, wordsOf } from "./phrases.ts";
import { viewOf, type Rendering } from "./picture.ts";
import { drawPhotograph } from "./scene.ts";
import {
  copyOf,
  flickrUrl,
  newFlickrPhotoId,
  sideOf,
  streamOf,
  type FlickrUrlForm,
  type PicturePool,
  type PlantedLeak,
  type WorldDocument,
  type WorldPart,
  type WorldPicture,
  type WorldSizes,
} from "./world.ts";

const CAPTIONS_PER_PICTURE = 5;

/** The collections that COCO's file names carry, and the number that seeds their draws. */
type Collection = "train2014" | "val2014" | "test2015";

interface Caption {
  readonly picture: WorldPicture;
  readonly id: number;
  readonly text: string;
}

/** Pictures of COCO before anything is planted; the split is Karpathy's, and test2015 for VQA's. */
export function drawCocoPictures(seed: number, sizes: WorldSizes["coco"]): WorldPicture[] {
  const random = streamOf(seed, "coco");
  const splits = random.shuffled(
    Object.entries(sizes).flatMap(([split, count]) => Array.from({ length: count }, () => split)),
  );
  let cocoId = 0;
  return splits.map((split, index) => {
    cocoId += 1 + random.nextInt(240);
    return drawPicture(streamOf(seed, "coco", index), { index, split, cocoId });
  });
}

interface Place {
  readonly index: number;
  readonly split: string;
  readonly cocoId: number;
}

function drawPicture(random: RandomStream, { index, split, cocoId }: Place): WorldPicture {
  const photograph = drawPhotograph(`coco-${index}`, random);
  const collection = collectionOf(split);
  const name = `COCO_${collection}_${String(cocoId).padStart(12, "0")}.jpg`;
  const flickrPhotoId = newFlickrPhotoId("coco", index);
  return {
    key: imageKey("coco", cocoId),
    dataset: "coco",
    split,
    path: `coco/${collection}/${name}`,
    photograph,
    rendering: { kind: "drawn" },
    format: "jpeg",
    view: viewOf(photograph, { kind: "drawn" }),
    flickrPhotoId,
    url: flickrUrl(flickrPhotoId, "farm-staticflickr", random),
  };
}

function collectionOf(split: string): Collection {
  if (split === "train") return "train2014";
  return split === "test2015" ? "test2015" : "val2014";
}

/** COCO's publisher id of a picture. */
export function cocoIdOf(picture: WorldPicture): number {
  return Number(picture.key.slice("coco:".length));
}

const plantedInside = [
  { kind: "same-bytes", train: "train", eval: "test" },
  { kind: "same-bytes", train: "train", eval: "test" },
  { kind: "same-bytes", train: "train", eval: "val" },
  { kind: "same-bytes", train: "restval", eval: "test" },
  { kind: "same-flickr-photo", train: "train", eval: "test", urlForm: "farm-static" },
  { kind: "same-flickr-photo", train: "train", eval: "test", urlForm: "live" },
  { kind: "same-flickr-photo", train: "train", eval: "val", urlForm: "https-c" },
  { kind: "same-flickr-photo", train: "restval", eval: "test", urlForm: "farm-static" },
] as const;

/** What is planted in COCO's training pictures. */
export interface PlantedInCoco {
  /** They replace the drawn pictures of the same key. */
  readonly pictures: readonly WorldPicture[];
  readonly leaks: readonly PlantedLeak[];
  /** Leaks that a Visual Genome record leads to by naming their training picture. */
  readonly steppingStones: readonly PlantedLeak[];
  /** Training pictures with the bytes of a validation or test picture of VQA v2. */
  readonly twins: readonly PlantedLeak[];
}

interface Planted {
  readonly picture: WorldPicture;
  readonly leak: PlantedLeak;
}

/** Makes training pictures of COCO from evaluation pictures of COCO and of Flickr30K. */
export function plantInCoco(
  seed: number,
  coco: PicturePool,
  flickr30k: PicturePool,
): PlantedInCoco {
  const random = streamOf(seed, "coco", 0, 1);
  const inside = plantedInside.map((plan) => {
    const [place, original] = [coco.take(plan.train), coco.take(plan.eval)];
    return plan.kind === "same-bytes"
      ? plantSameBytes(place, original)
      : plantSamePhoto(place, original, { form: plan.urlForm, random });
  });
  const sameBytes = plantSameBytes(coco.take("train"), flickr30k.take("test"));
  const samePhoto = plantSamePhoto(coco.take("train"), flickr30k.take("test"), {
    form: "farm-staticflickr",
    random,
  });
  const planted = [...inside, sameBytes, samePhoto];
  const twins = inside.slice(0, 2).map(({ leak }) => leak);
  return {
    pictures: planted.map(({ picture }) => picture),
    leaks: planted.map(({ leak }) => leak),
    steppingStones: [samePhoto.leak, ...twins.slice(0, 1)],
    twins,
  };
}

/** `place` becomes the very bytes of `original`; nothing in the annotation files tells. */
function plantSameBytes(place: WorldPicture, original: WorldPicture): Planted {
  return leakingPicture(
    "same-bytes",
    copyOf(place, original.photograph, original.rendering),
    original,
  );
}

/** `place` becomes another file of `original`'s Flickr photo, and its address says so in another form. */
function plantSamePhoto(
  place: WorldPicture,
  original: WorldPicture,
  url: { readonly form: FlickrUrlForm; readonly random: RandomStream },
): Planted {
  const photoId = original.flickrPhotoId ?? "";
  const rendering: Rendering = { kind: "resized", factor: 0.9 };
  const picture: WorldPicture = {
    ...copyOf(place, original.photograph, rendering),
    flickrPhotoId: photoId,
    url: flickrUrl(photoId, url.form, url.random),
  };
  return leakingPicture("same-flickr-photo", picture, original);
}

function leakingPicture(
  kind: PlantedLeak["kind"],
  picture: WorldPicture,
  original: WorldPicture,
): Planted {
  const chain = [picture.key, original.key];
  return { picture, leak: { kind, train: sideOf(picture), eval: sideOf(original), chain } };
}

/** COCO's caption files and the Karpathy split over them. */
export function describeCoco(seed: number, pictures: readonly WorldPicture[]): WorldPart {
  const listed = pictures.filter(({ split }) => split !== "test2015");
  const captions = captionAll(seed, listed);
  const splits = ["train", "restval", "val", "test"];
  return {
    pictures,
    documents: [
      captionFile("train2014", captions),
      captionFile("val2014", captions),
      karpathyFile(listed, captions),
    ],
    leaks: [],
    texts: captions.map(({ text }) => text),
    numTexts: Object.fromEntries(
      splits.map((split) => [
        split,
        captions.filter(({ picture }) => picture.split === split).length,
      ]),
    ),
  };
}

function captionAll(seed: number, pictures: readonly WorldPicture[]): Caption[] {
  let id = 0;
  return pictures.flatMap((picture) => {
    const random = streamOf(seed, "coco", cocoIdOf(picture), 2);
    return captionsOf(picture.view, random, CAPTIONS_PER_PICTURE).map((caption) => {
      id += 1 + random.nextInt(40);
      return { picture, id, text: asWritten(caption, random) };
    });
  });
}

// As in COCO, some captions end in a space and some have no full stop.
function asWritten(caption: string, random: RandomStream): string {
  const sentence = asSentence(caption);
  if (random.nextBoolean(0.1)) return sentence.slice(0, -1);
  return random.nextBoolean(0.05) ? `${sentence} ` : sentence;
}

function captionFile(collection: Collection, captions: readonly Caption[]): WorldDocument {
  const ofCollection = captions.filter(({ picture }) => collectionOf(picture.split) === collection);
  const pictures = new Set(ofCollection.map(({ picture }) => picture));
  return {
    path: `coco/annotations/captions_${collection}.json`,
    text: JSON.stringify({
      info,
      images: [...pictures].map((picture) => imageRecord(collection, picture)),
      licenses,
      annotations: ofCollection.map(({ picture, id, text }) => ({
        image_id: cocoIdOf(picture),
        id,
        caption: text,
      })),
    }),
  };
}

function imageRecord(collection: Collection, picture: WorldPicture): object {
  const id = cocoIdOf(picture);
  const fileName = picture.path.slice(picture.path.lastIndexOf("/") + 1);
  const minute = String(id % 60).padStart(2, "0");
  return {
    license: 1 + (id % licenses.length),
    file_name: fileName,
    coco_url: `http://images.cocodataset.org/${collection}/${fileName}`,
    height: picture.view.height,
    width: picture.view.width,
    date_captured: `2013-11-${14 + (id % 11)} ${String(id % 24).padStart(2, "0")}:${minute}:52`,
    flickr_url: picture.url,
    id,
  };
}

function karpathyFile(
  pictures: readonly WorldPicture[],
  captions: readonly Caption[],
): WorldDocument {
  const captionsOfPicture = Map.groupBy(captions, ({ picture }) => picture);
  const images = pictures.map((picture, imgid) => {
    const own = captionsOfPicture.get(picture) ?? [];
    const [, filepath, filename] = picture.path.split("/");
    return {
      filepath,
      sentids: own.map(({ id }) => id),
      filename,
      imgid,
      split: picture.split,
      sentences: own.map(({ id, text }) => ({
        tokens: wordsOf(text),
        raw: text,
        imgid,
        sentid: id,
      })),
      cocoid: cocoIdOf(picture),
    };
  });
  return { path: "coco/dataset_coco.json", text: JSON.stringify({ images, dataset: "coco" }) };
}

const info = {
  description: "COCO 2014 Dataset",
  url: "http://cocodataset.org",
  version: "1.0",
  year: 2014,
  contributor: "COCO Consortium",
  date_created: "2017/09/01",
};

const licenses = [
  ["by-nc-sa", "Attribution-NonCommercial-ShareAlike License"],
  ["by-nc", "Attribution-NonCommercial License"],
  ["by-nc-nd", "Attribution-NonCommercial-NoDerivs License"],
  ["by", "Attribution License"],
  ["by-sa", "Attribution-ShareAlike License"],
  ["by-nd", "Attribution-NoDerivs License"],
].map(([code, name], index) => ({
  url: `http://creativecommons.org/licenses/${code}/2.0/`,
  id: index + 1,
  name,
}));
