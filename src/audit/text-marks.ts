import type { SceneText } from "../core/records.ts";
import { GrowingWords } from "./tables/growing-words.ts";
import { hashName } from "./tables/name-hash.ts";
import { comparedWords } from "./texts/compared-text.ts";
import { labelOf } from "./texts/labels.ts";

/** What is said of each picture: 32 bits for every text with its label, enough to see whether two pictures share one. */
export class TextMarks {
  /** The marks of all scenes, one after the other, and where those of each end. */
  readonly #marks = new GrowingWords();
  readonly #ends = new GrowingWords();
  /** Of each picture its scene. */
  readonly #scenes = new GrowingWords();

  /** Adds a scene whose pictures come next, by the marks of its texts. */
  addScene(marks: Uint32Array): void {
    for (const mark of marks) this.#marks.push(mark);
    this.#ends.push(this.#marks.length);
  }

  /** Adds a picture of the last scene; pictures are numbered as they come. */
  addPicture(): void {
    this.#scenes.push(this.#ends.length - 1);
  }

  /** Whether a text with its label is said of both pictures. */
  share(one: number, other: number): boolean {
    if (!this.#hasTexts(one) || !this.#hasTexts(other)) return false;
    return !this.#marksOf(one).isDisjointFrom(this.#marksOf(other));
  }

  #hasTexts(picture: number): boolean {
    const scene = this.#scenes.at(picture);
    return this.#ends.at(scene) > this.#startOf(scene);
  }

  #startOf(scene: number): number {
    return scene === 0 ? 0 : this.#ends.at(scene - 1);
  }

  #marksOf(picture: number): Set<number> {
    const scene = this.#scenes.at(picture);
    const marks = new Set<number>();
    const end = this.#ends.at(scene);
    for (let at = this.#startOf(scene); at < end; at += 1) {
      marks.add(this.#marks.at(at));
    }
    return marks;
  }
}

const hash = new Uint32Array(4);

/** 32 bits of a hash of a text with its label; texts are equal as `texts/` compares them. */
export function markOfText(text: SceneText): number {
  hashName(JSON.stringify([comparedWords(text.text).join(" "), labelOf(text)]), 0, hash);
  return hash[0] ?? 0;
}
