import { sha256 } from "../../core/digest.ts";
import type { SceneText, TextKind } from "../../core/records.ts";
import { textKinds } from "../../core/records.ts";
import type { RelatedSplits } from "../relate-splits.ts";
import { type GroupedItems, groupItems } from "../tables/grouped-items.ts";
import { GrowingWords } from "../tables/growing-words.ts";
import { HashNumbers } from "../tables/hash-numbers.ts";
import { hashName } from "../tables/name-hash.ts";
import { TextPool } from "../tables/text-pool.ts";
import { comparedWords } from "./compared-text.ts";
import { labelOf } from "./labels.ts";
import { shinglesOf } from "./shingles.ts";
import { type SimilarText, SimilarTexts } from "./similar-texts.ts";

/** What a comparison of texts asks of splits whose pictures are related. */
export type ComparedSplits = Pick<RelatedSplits, "identities" | "splits">;

/** A scene whose texts are compared, with the numbers of its pictures in the identity graph. */
export interface TextScene {
  /** The number of its split. */
  readonly source: number;
  readonly sceneKey: string;
  readonly pictures: readonly number[];
}

/** An evaluation text as it is kept. */
export interface ProtectedText {
  readonly scene: TextScene;
  readonly id: string;
  readonly kind: TextKind;
  readonly text: string;
  readonly label: string | null;
}

/** A text as it is looked up. */
export interface LookedUpText {
  /** The number of the texts that are equal to it, or undefined. */
  readonly entry: number | undefined;
  /** Not looked for where `entry` is known. */
  readonly similar: readonly SimilarText[];
}

const HASH_WORDS = 4;
const NO_LABEL = 0;

/**
 * The texts of the evaluation splits. Those that are equal as texts are compared have one entry and are its members. Some
 * 450 bytes a text.
 */
export class ProtectedTexts {
  readonly #numbers = new HashNumbers();
  readonly #similar = new SimilarTexts();
  readonly #hash = new Uint32Array(HASH_WORDS);
  readonly #scenes: TextScene[] = [];
  readonly #sceneOf = new GrowingWords();
  readonly #kindOf = new GrowingWords();
  readonly #ids = new TextPool();
  readonly #texts = new TextPool();
  /** Of each text one more than the number of its label, or NO_LABEL. */
  readonly #labelOf = new GrowingWords();
  readonly #labels = new TextPool();
  readonly #labelNumbers = new Map<string, number>();
  readonly #entryOf = new GrowingWords();
  /** The texts by their entries. */
  #members: GroupedItems = { starts: new Uint32Array(), items: new Uint32Array() };

  /** How many texts there are. */
  get length(): number {
    return this.#entryOf.length;
  }

  get numEntries(): number {
    return this.#numbers.length;
  }

  /** Names the texts that there are, as texts are compared: what is equal or similar to one of them follows from it. */
  digest(): string {
    const { buffer, byteLength, byteOffset } = this.#numbers.toArray();
    return sha256(new Uint8Array(buffer, byteOffset, byteLength));
  }

  /** Adds a text; false for one without words, which is not compared. */
  add(scene: TextScene, text: SceneText): boolean {
    const words = comparedWords(text.text);
    if (words.length === 0) return false;
    hashName(words.join(" "), 0, this.#hash);
    const entry = this.#numbers.add(this.#hash);
    if (entry === this.#numEntriesSeen) {
      this.#similar.add(shinglesOf(words));
      this.#numEntriesSeen += 1;
    }
    if (this.#scenes.at(-1) !== scene) this.#scenes.push(scene);
    this.#sceneOf.push(this.#scenes.length - 1);
    this.#kindOf.push(textKinds.indexOf(text.kind));
    this.#ids.add(text.id);
    this.#texts.add(text.text);
    this.#labelOf.push(this.#numberOfLabel(labelOf(text)));
    this.#entryOf.push(entry);
    return true;
  }

  #numEntriesSeen = 0;

  /** Makes what is asked; call it once, after all are added. */
  seal(): void {
    this.#similar.seal();
    this.#members = groupItems(this.length, this.numEntries, (text) => this.#entryOf.at(text));
  }

  /** Looks for equal texts, and for similar ones where there are none; undefined for a text without words. */
  lookUp(text: string): LookedUpText | undefined {
    const words = comparedWords(text);
    if (words.length === 0) return undefined;
    hashName(words.join(" "), 0, this.#hash);
    const entry = this.#numbers.find(this.#hash);
    const similar = entry === undefined ? this.#similar.find(shinglesOf(words)) : [];
    return { entry, similar };
  }

  /** The texts of an entry, in the order in which they came. */
  membersOf(entry: number): Uint32Array {
    const { items, starts } = this.#members;
    return items.subarray(starts[entry], starts[entry + 1]);
  }

  entryOf(text: number): number {
    return this.#entryOf.at(text);
  }

  sceneOf(text: number): TextScene {
    const scene = this.#scenes[this.#sceneOf.at(text)];
    if (scene === undefined) throw new RangeError(`text ${text} of ${this.length}`);
    return scene;
  }

  at(text: number): ProtectedText {
    const label = this.#labelOf.at(text);
    return {
      scene: this.sceneOf(text),
      id: this.#ids.text(text),
      kind: textKinds[this.#kindOf.at(text)] ?? "caption",
      text: this.#texts.text(text),
      label: label === NO_LABEL ? null : this.#labels.text(label - 1),
    };
  }

  #numberOfLabel(label: string | null): number {
    if (label === null) return NO_LABEL;
    const known = this.#labelNumbers.get(label);
    if (known !== undefined) return known;
    const number = this.#labels.add(label) + 1;
    this.#labelNumbers.set(label, number);
    return number;
  }
}
