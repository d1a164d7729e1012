import { nameFields, namesOfPicture, pictureNameKinds } from "../../core/keys.ts";
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
  let builder = new ListingBuilder();
  for await (const head of heads) {
    builder.add(head);
    if (builder.numScenes < SCENES_PER_LISTING) continue;
    yield builder.finish();
    builder = new ListingBuilder();
  }
  if (builder.numScenes > 0) yield builder.finish();
}

/** Makes a listing, scene by scene. */
export class ListingBuilder {
  readonly #sceneKeys: string[] = [];
  readonly #endsOfPictures = new GrowingWords();
  readonly #endsOfMarks = new GrowingWords();
  readonly #marks = new GrowingWords();
  readonly #endsOfNames = new GrowingWords();
  readonly #perceptualHashes: string[] = [];
  readonly #fields = new GrowingWords();
  readonly #nameHashes = new GrowingWords();
  readonly #names: string[] = [];
  readonly #hash = new Uint32Array(WORDS_PER_HASH);

  get numScenes(): number {
    return this.#sceneKeys.length;
  }

  add({ pictures, sceneKey, texts }: SceneHead): void {
    this.#sceneKeys.push(sceneKey);
    for (const text of texts) this.#marks.push(markOfText(text));
    this.#endsOfMarks.push(this.#marks.length);
    for (const picture of pictures) this.#addPicture(picture);
    this.#endsOfPictures.push(this.#endsOfNames.length);
  }

  finish(): PictureListing {
    return new PictureListing({
      sceneKeys: textColumn(this.#sceneKeys),
      endsOfPictures: this.#endsOfPictures.toArray(),
      endsOfMarks: this.#endsOfMarks.toArray(),
      marks: this.#marks.toArray(),
      endsOfNames: this.#endsOfNames.toArray(),
      perceptualHashes: textColumn(this.#perceptualHashes),
      fields: this.#fields.toArray(),
      nameHashes: this.#nameHashes.toArray(),
      names: textColumn(this.#names),
    });
  }

  #addPicture(picture: PictureInfo): void {
    for (const { field, kind, name } of namesOfPicture(picture)) {
      this.#fields.push(nameFields.indexOf(field));
      hashName(name, pictureNameKinds.indexOf(kind), this.#hash);
      for (const word of this.#hash) this.#nameHashes.push(word);
      this.#names.push(name);
    }
    this.#endsOfNames.push(this.#names.length);
    this.#perceptualHashes.push(picture.perceptualHash ?? "");
  }
}
