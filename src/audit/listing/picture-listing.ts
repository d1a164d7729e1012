import { nameFields, kindOfField, type NameField, type PictureName } from "../../core/keys.ts";
import { areEqual, textAt, textBytes, type TextColumn } from "./text-column.ts";

export const WORDS_PER_HASH = 4;

/** What is listed, in columns; things of one kind stand in the order of their scenes. */
export interface ListingColumns {
  /** Of each scene its key, and where its pictures and the marks of its texts end. */
  readonly sceneKeys: TextColumn;
  readonly endsOfPictures: Uint32Array;
  readonly endsOfMarks: Uint32Array;
  readonly marks: Uint32Array;
  /** Of each picture where its names end, and its perceptual hash in hexadecimal digits or nothing. */
  readonly endsOfNames: Uint32Array;
  readonly perceptualHashes: TextColumn;
  /** Of each name the number of its field, the hash by which names are told apart, and itself. */
  readonly fields: Uint32Array;
  readonly nameHashes: Uint32Array;
  readonly names: TextColumn;
}

/** The hash of a picture of a listing; null where it has none that says something. */
export type HashOfPicture = (picture: number) => Uint8Array | null;

/**
 * What an audit looks at of scenes beside their pixels: what their pictures are called, and marks of their texts. It is made
 * from heads once, and may be kept for as long as their shard is the same.
 */
export class PictureListing {
  readonly columns: ListingColumns;
  readonly #hashOf: HashOfPicture | undefined;

  constructor(columns: ListingColumns, hashOf?: HashOfPicture) {
    this.columns = columns;
    this.#hashOf = hashOf;
  }

  /** The same pictures with other perceptual hashes. */
  withHashes(hashOf: HashOfPicture): PictureListing {
    return new PictureListing(this.columns, hashOf);
  }

  get numScenes(): number {
    return this.columns.endsOfPictures.length;
  }

  /** The number of the first picture that is not of this or an earlier scene. */
  endOfPictures(scene: number): number {
    return this.columns.endsOfPictures[scene] ?? 0;
  }

  /** A mark of each text of the scene. */
  marksOf(scene: number): Uint32Array {
    const { endsOfMarks, marks } = this.columns;
    return marks.subarray(scene === 0 ? 0 : endsOfMarks[scene - 1], endsOfMarks[scene]);
  }

  sceneKey(scene: number): string {
    return textAt(this.columns.sceneKeys, scene);
  }

  /** In UTF-8. */
  sceneKeyBytes(scene: number): Uint8Array {
    return textBytes(this.columns.sceneKeys, scene);
  }

  /** Whether the scene's key is this name. */
  isNamed(scene: number, name: number): boolean {
    return areEqual([this.columns.sceneKeys, scene], [this.columns.names, name]);
  }

  /** Names are numbered through all pictures; a picture's key is the first of its names. */
  startOfNames(picture: number): number {
    return picture === 0 ? 0 : (this.columns.endsOfNames[picture - 1] ?? 0);
  }

  fieldOfName(name: number): NameField {
    return nameFields[this.columns.fields[name] ?? 0] ?? "key";
  }

  /** Writes what tells the name from others of its kind to the words of `hash`. */
  hashOfName(name: number, hash: Uint32Array): void {
    const { nameHashes } = this.columns;
    for (let word = 0; word < WORDS_PER_HASH; word += 1) {
      hash[word] = nameHashes[name * WORDS_PER_HASH + word] ?? 0;
    }
  }

  name(name: number): string {
    return textAt(this.columns.names, name);
  }

  /** In UTF-8. */
  nameBytes(name: number): Uint8Array {
    return textBytes(this.columns.names, name);
  }

  namesOf(picture: number): readonly PictureName[] {
    const names: PictureName[] = [];
    const end = this.startOfNames(picture + 1);
    for (let name = this.startOfNames(picture); name < end; name += 1) {
      const field = this.fieldOfName(name);
      names.push({ kind: kindOfField[field], field, name: this.name(name) });
    }
    return names;
  }

  /** In bytes or in hexadecimal digits, which are empty where there is none. */
  perceptualHash(picture: number): Uint8Array | string {
    if (this.#hashOf !== undefined) return this.#hashOf(picture) ?? "";
    return textAt(this.columns.perceptualHashes, picture);
  }
}
