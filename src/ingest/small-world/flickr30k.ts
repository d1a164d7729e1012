import { asSentence, asTokenLine, captionsOf, wordsOf } from "./phrases.ts";
import { drawPhotograph } from "./scene.ts";
import { viewOf } from "./picture.ts";
import {
  flickr30kKey,
  newFlickrPhotoId,
  streamOf,
  type WorldDocument,
  type WorldPart,
  type WorldPicture,
  type WorldSizes,
} from "./world.ts";

const CAPTIONS_PER_PICTURE = 5;

/** A Flickr30K picture with its five captions, bare. */
export interface CaptionedPicture {
  readonly picture: WorldPicture;
  readonly captions: readonly string[];
}

export interface Flickr30kPart extends WorldPart {
  readonly captioned: readonly CaptionedPicture[];
}

/** Flickr30K: the token file, the Karpathy file, the pictures. */
export function planFlickr30k(seed: number, sizes: WorldSizes["flickr30k"]): Flickr30kPart {
  const splits = Object.entries(sizes).flatMap(([split, count]) =>
    Array.from({ length: count }, () => split),
  );
  const shuffled = streamOf(seed, "flickr30k").shuffled(splits);
  const captioned = shuffled.map((split, index) => planPicture(seed, index, split));
  return {
    captioned,
    pictures: captioned.map(({ picture }) => picture),
    documents: [tokenFile(captioned), karpathyFile(captioned)],
    leaks: [],
    texts: captioned.flatMap(({ captions }) => captions.map(asSentence)),
    numTexts: Object.fromEntries(
      Object.entries(sizes).map(([split, count]) => [split, count * CAPTIONS_PER_PICTURE]),
    ),
  };
}

function planPicture(seed: number, index: number, split: string): CaptionedPicture {
  const random = streamOf(seed, "flickr30k", index);
  const photograph = drawPhotograph(`flickr30k-${index}`, random);
  const view = viewOf(photograph, { kind: "drawn" });
  const photoId = newFlickrPhotoId("flickr30k", index);
  const picture: WorldPicture = {
    key: flickr30kKey(photoId),
    dataset: "flickr30k",
    split,
    path: `flickr30k/flickr30k-images/${photoId}.jpg`,
    photograph,
    rendering: { kind: "drawn" },
    format: "jpeg",
    view,
    flickrPhotoId: photoId,
    url: null,
  };
  return { picture, captions: captionsOf(view, random, CAPTIONS_PER_PICTURE) };
}

function tokenFile(captioned: readonly CaptionedPicture[]): WorldDocument {
  const lines = captioned.flatMap(({ picture, captions }) =>
    captions.map((caption, n) => `${fileNameOf(picture)}#${n}\t${asTokenLine(caption)}\n`),
  );
  return { path: "flickr30k/results_20130124.token", text: lines.join("") };
}

function karpathyFile(captioned: readonly CaptionedPicture[]): WorldDocument {
  const images = captioned.map(({ picture, captions }, imgid) => {
    const sentids = captions.map((_, n) => imgid * CAPTIONS_PER_PICTURE + n);
    const sentences = captions.map((caption, n) => {
      const raw = asSentence(caption);
      return { tokens: wordsOf(raw), raw, imgid, sentid: sentids[n] };
    });
    return { sentids, imgid, sentences, split: picture.split, filename: fileNameOf(picture) };
  });
  return {
    path: "flickr30k/dataset_flickr30k.json",
    text: JSON.stringify({ images, dataset: "flickr30k" }),
  };
}

export function fileNameOf(picture: WorldPicture): string {
  return picture.path.slice(picture.path.lastIndexOf("/") + 1);
}
