import assert from "node:assert";
import { nameFields, namesOfPicture, type PictureName, pictureNameKinds } from "../../core/keys.ts";
import type { PictureInfo, SceneHead } from "../../core/records.ts";
import { GrowingWords } from "../tables/growing-words.ts";
import { hashName } from "../tables/name-hash.ts";
import { markOfText } from "../text-marks.ts";
import { PictureListing, WORDS_PER_HASH } from "./picture-listing.ts";
import { textColumn } from "./text-column.ts";

const SCENES_PER_LISTING = 1000;

/** Lists scenes of which nothing was kept, some of them at a time. */
export async function* listPictures(
  heads: AsyncIterable<SceneHead>,
): AsyncGenerator<PictureListing> {
  const builder = new ListingBuilder();
  for await (const head of heads) {
    builder.add(head);
    if (builder.numScenes === SCENES_PER_LISTING) yield builder.finish();
  }
  if (builder.numScenes > 0) yield builder.finish();
}

interface HashedName {
  name: string | undefined;
  readonly hash: Uint32Array;
}

/** Makes listings, scene by scene. */
export class ListingBuilder {
  #sceneKeys: string[] = [];
  #perceptualHashes: string[] = [];
  #names: string[] = [];
  readonly #words = {
    endsOfPictures: new GrowingWords(),
    endsOfMarks: new GrowingWords(),
    marks: new GrowingWords(),
    endsOfNames: new GrowingWords(),
    fields: new GrowingWords(),
    nameHashes: new GrowingWords(),
  };
  /** Of each field the name that came last and its hash: copies of a picture often follow one another. */
  readonly #last = nameFields.map((): HashedName => ({
    name: undefined,
    hash: new Uint32Array(WORDS_PER_HASH),
  }));

  get numScenes(): number {
    return this.#sceneKeys.length;
  }

  add({ pictures, sceneKey, texts }: SceneHead): void {
    const { endsOfMarks, endsOfNames, endsOfPictures, marks } = this.#words;
    this.#sceneKeys.push(sceneKey);
    for (const text of texts) marks.push(markOfText(text));
    endsOfMarks.push(marks.length);
    for (const picture of pictures) this.#addPicture(picture);
    endsOfPictures.push(endsOfNames.length);
  }

  /** What was added since the last listing. */
  finish(): PictureListing {
    const { endsOfMarks, endsOfNames, endsOfPictures, fields, marks, nameHashes } = this.#words;
    const listing = new PictureListing({
      sceneKeys: textColumn(this.#sceneKeys),
      endsOfPictures: endsOfPictures.toArray(),
      endsOfMarks: endsOfMarks.toArray(),
      marks: marks.toArray(),
      endsOfNames: endsOfNames.toArray(),
      perceptualHashes: textColumn(this.#perceptualHashes),
      fields: fields.toArray(),
      nameHashes: nameHashes.toArray(),
      names: textColumn(this.#names),
    });
    [this.#sceneKeys, this.#perceptualHashes, this.#names] = [[], [], []];
    for (const words of Object.values(this.#words)) words.clear();
    return listing;
  }

  #addPicture(picture: PictureInfo): void {
    const { endsOfNames, fields, nameHashes } = this.#words;
    for (const name of namesOfPicture(picture)) {
      const field = nameFields.indexOf(name.field);
      fields.push(field);
      nameHashes.pushAll(this.#hashOf(name, field));
      this.#names.push(name.name);
    }
    endsOfNames.push(this.#names.length);
    this.#perceptualHashes.push(picture.perceptualHash ?? "");
  }

  #hashOf({ kind, name }: PictureName, field: number): Uint32Array {
    const last = this.#last[field];
    assert(last !== undefined);
    if (last.name === name) return last.hash;
    hashName(name, pictureNameKinds.indexOf(kind), last.hash);
    last.name = name;
    return last.hash;
  }
}
