import { type ImageKey, parseImageKey } from "../core/keys.ts";
import {
  type AnswerCount,
  type PictureInfo,
  type Scene,
  type SceneHead,
  type SceneText,
  type TextKind,
  textKinds,
} from "../core/records.ts";
import type { ByteRange, BatchBody } from "./arrow/batch-body.ts";
import { BodyCursor } from "./arrow/batch-body.ts";
import { type Codec, int32, largeBinary, utf8 } from "./arrow/codec.ts";
import { field, type FieldCodec, list, nullable, struct } from "./arrow/nested-codec.ts";
import { ArrowFormatError } from "./arrow/format-error.ts";
import { box, pictureRegions, type RegionRanges } from "./region-columns.ts";

const imageKeyText: Codec<ImageKey> = restrictedText("coco:0", parseImageKey);
const textKindText: Codec<TextKind> = restrictedText("caption", (text) =>
  textKinds.find((kind) => kind === text),
);

/** Text that is one of a known form; `parse` gives undefined for any other. */
export function restrictedText<T extends string>(
  blank: T,
  parse: (text: string) => T | undefined,
): Codec<T> {
  return {
    ...utf8,
    blank,
    view(cursor, numRows, allowsNulls) {
      const view = utf8.view(cursor, numRows, allowsNulls);
      return {
        ...view,
        get(row) {
          const text = view.get(row);
          const parsed = parse(text);
          if (parsed !== undefined) return parsed;
          throw new ArrowFormatError(`${JSON.stringify(text)} is not a known value of its column`);
        },
      };
    },
  };
}

const answerCount = struct<AnswerCount>({
  fields: [field("answer", utf8, (row) => row.answer), field("count", int32, (row) => row.count)],
  blank: { answer: "", count: 0 },
  view(cursor, numRows) {
    const answer = utf8.view(cursor, numRows);
    const count = int32.view(cursor, numRows);
    return (row) => ({ answer: answer.get(row), count: count.get(row) });
  },
});
const answers = list(answerCount);
const choices = list(utf8);

const sceneText = struct<SceneText>({
  fields: [
    field("id", utf8, (row) => row.id),
    field("kind", textKindText, (row) => row.kind),
    field("text", utf8, (row) => row.text),
    field("label", nullable(utf8), (row) => row.label),
    field("answers", answers, (row) => row.answers),
    field("choices", choices, (row) => row.choices),
    field("box", nullable(box), (row) => row.box),
    field("context", nullable(utf8), (row) => row.context),
  ],
  blank: {
    id: "",
    kind: "caption",
    text: "",
    label: null,
    answers: [],
    choices: [],
    box: null,
    context: null,
  },
  view(cursor, numRows) {
    const id = utf8.view(cursor, numRows);
    const kind = textKindText.view(cursor, numRows);
    const text = utf8.view(cursor, numRows);
    const label = nullable(utf8).view(cursor, numRows);
    const answer = answers.view(cursor, numRows);
    const choice = choices.view(cursor, numRows);
    const place = nullable(box).view(cursor, numRows);
    const context = nullable(utf8).view(cursor, numRows);
    return (row) => ({
      id: id.get(row),
      kind: kind.get(row),
      text: text.get(row),
      label: label.get(row),
      answers: answer.get(row),
      choices: choice.get(row),
      box: place.get(row),
      context: context.get(row),
    });
  },
});

// The audit counts pairs exactly by looking at every subset of a picture's keys.
const MAX_LINKED_KEYS = 8;
const linkedKeys = list(imageKeyText, MAX_LINKED_KEYS);
const notes = list(utf8);

const blankPicture: PictureInfo = {
  key: imageKeyText.blank,
  path: "",
  format: "",
  width: 0,
  height: 0,
  sourceWidth: 0,
  sourceHeight: 0,
  sourceSizeBytes: 0,
  orientation: 1,
  sha256: "",
  sourceSha256: "",
  pixelSha256: "",
  perceptualHash: null,
  url: null,
  flickrPhotoId: null,
  license: null,
  linkedKeys: [],
  notes: [],
};

const pictureInfo = struct<PictureInfo>({
  fields: [
    field("key", imageKeyText, (row) => row.key),
    field("path", utf8, (row) => row.path),
    field("format", utf8, (row) => row.format),
    field("width", int32, (row) => row.width),
    field("height", int32, (row) => row.height),
    field("source_width", int32, (row) => row.sourceWidth),
    field("source_height", int32, (row) => row.sourceHeight),
    field("source_size_bytes", int32, (row) => row.sourceSizeBytes),
    field("orientation", int32, (row) => row.orientation),
    field("sha256", utf8, (row) => row.sha256),
    field("source_sha256", utf8, (row) => row.sourceSha256),
    field("pixel_sha256", utf8, (row) => row.pixelSha256),
    field("perceptual_hash", nullable(utf8), (row) => row.perceptualHash),
    field("url", nullable(utf8), (row) => row.url),
    field("flickr_photo_id", nullable(utf8), (row) => row.flickrPhotoId),
    field("license", nullable(utf8), (row) => row.license),
    field("linked_keys", linkedKeys, (row) => row.linkedKeys),
    field("notes", notes, (row) => row.notes),
  ],
  blank: blankPicture,
  view(cursor, numRows) {
    const key = imageKeyText.view(cursor, numRows);
    const [path, format] = [utf8.view(cursor, numRows), utf8.view(cursor, numRows)];
    const [width, height] = [int32.view(cursor, numRows), int32.view(cursor, numRows)];
    const sourceWidth = int32.view(cursor, numRows);
    const sourceHeight = int32.view(cursor, numRows);
    const sourceSizeBytes = int32.view(cursor, numRows);
    const orientation = int32.view(cursor, numRows);
    const sha256 = utf8.view(cursor, numRows);
    const sourceSha256 = utf8.view(cursor, numRows);
    const pixelSha256 = utf8.view(cursor, numRows);
    const perceptualHash = nullable(utf8).view(cursor, numRows);
    const url = nullable(utf8).view(cursor, numRows);
    const flickrPhotoId = nullable(utf8).view(cursor, numRows);
    const license = nullable(utf8).view(cursor, numRows);
    const links = linkedKeys.view(cursor, numRows);
    const noted = notes.view(cursor, numRows);
    return (row) => ({
      key: key.get(row),
      path: path.get(row),
      format: format.get(row),
      width: width.get(row),
      height: height.get(row),
      sourceWidth: sourceWidth.get(row),
      sourceHeight: sourceHeight.get(row),
      sourceSizeBytes: sourceSizeBytes.get(row),
      orientation: orientation.get(row),
      sha256: sha256.get(row),
      sourceSha256: sourceSha256.get(row),
      pixelSha256: pixelSha256.get(row),
      perceptualHash: perceptualHash.get(row),
      url: url.get(row),
      flickrPhotoId: flickrPhotoId.get(row),
      license: license.get(row),
      linkedKeys: links.get(row),
      notes: noted.get(row),
    });
  },
});

const texts = list(sceneText);
const pictures = list(pictureInfo);
const regions = nullable(list(nullable(pictureRegions)));
const pictureBytes = list(largeBinary);

/**
 * The columns of a shard. The values of the binary ones (features, class probabilities, encoded pictures) lie at the
 * end of a batch, so that all the rest of it is one contiguous read.
 */
export const sceneFields: readonly FieldCodec<Scene>[] = [
  field("scene_key", utf8, (scene) => scene.sceneKey),
  field("texts", texts, (scene) => scene.texts),
  field("pictures", pictures, (scene) => scene.pictures),
  field("regions", regions, (scene) => scene.regions),
  field("picture_bytes", pictureBytes, (scene) => scene.pictures.map((picture) => picture.bytes)),
];

/** The scenes of one record batch, decoded row by row on demand. */
export interface SceneRows {
  readonly numRows: number;
  head(row: number): SceneHead;
  /** How many pictures' bytes the row holds; it must be as many as it describes. */
  numStoredPictures(row: number): number;
  picture(row: number, pictureIndex: number): PictureInfo | undefined;
  /** Where the bytes of a picture lie in the body of the batch. */
  pictureRange(row: number, pictureIndex: number): ByteRange | undefined;
  /** One for each picture of the row; null when it has none. */
  regions(row: number): readonly (RegionRanges | null)[] | null;
}

export function sceneRows(batch: BatchBody & { readonly numRows: number }): SceneRows {
  const cursor = new BodyCursor(batch);
  const { numRows } = batch;
  const sceneKey = utf8.view(cursor, numRows);
  const textRows = texts.view(cursor, numRows);
  const pictureRows = pictures.view(cursor, numRows);
  const regionRows = regions.view(cursor, numRows);
  const byteRows = pictureBytes.view(cursor, numRows);
  cursor.end();
  return {
    numRows,
    head: (row) => ({
      sceneKey: sceneKey.get(row),
      pictures: pictureRows.get(row),
      texts: textRows.get(row),
    }),
    numStoredPictures: (row) => byteRows.numItems(row),
    picture: (row, pictureIndex) => pictureRows.item(row, pictureIndex),
    pictureRange: (row, pictureIndex) => byteRows.item(row, pictureIndex),
    regions: (row) => regionRows.get(row),
  };
}
