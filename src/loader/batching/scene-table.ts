import { lastAtMost } from "./members.ts";

/** What decides which samples stand together, of all scenes of a loader; each array may be in shared memory. */
export interface SceneTable {
  /** Of each scene: 1 where its picture is higher than wide. Empty unless samples are grouped by it. */
  readonly portrait: Uint8Array;
  /** Of each scene. Empty unless a sample is a text. */
  readonly textCounts: Uint16Array;
  /** Of each text, scene by scene: its tokens with [CLS] and [SEP], however many; 65,535 for more, or `NOT_PAIRED`. */
  readonly textLengths: Uint16Array;
  /** Of each scene: the regions of its picture. Empty unless batches are measured by them. */
  readonly regionCounts: Uint16Array;
}

/** The length of a text that is not true of its picture by itself, such as a question. */
export const NOT_PAIRED = 0;

export const emptyTable: SceneTable = {
  portrait: new Uint8Array(),
  textCounts: new Uint16Array(),
  textLengths: new Uint16Array(),
  regionCounts: new Uint16Array(),
};

const BLOCK_SCENES = 64;

/** Finds the scene of a text in a few steps, with 8 bytes of memory for 64 scenes. */
export class TextNumbers {
  readonly #counts: Uint16Array;
  /** The first text of each block of scenes. */
  readonly #blocks: Float64Array;

  constructor(textCounts: Uint16Array) {
    this.#counts = textCounts;
    this.#blocks = new Float64Array(Math.floor(textCounts.length / BLOCK_SCENES) + 1);
    let text = 0;
    for (let scene = 0; scene <= textCounts.length; scene += 1) {
      if (scene % BLOCK_SCENES === 0) this.#blocks[scene / BLOCK_SCENES] = text;
      text += textCounts[scene] ?? 0;
    }
  }

  /** The first text of a scene. */
  firstText(scene: number): number {
    const block = Math.floor(scene / BLOCK_SCENES);
    let text = this.#blocks[block] ?? 0;
    for (let other = block * BLOCK_SCENES; other < scene; other += 1)
      text += this.#counts[other] ?? 0;
    return text;
  }

  /** A text's scene, and which of the scene's texts it is. */
  locate(text: number): { readonly scene: number; readonly textIndex: number } {
    const block = lastAtMost(this.#blocks, text);
    let scene = block * BLOCK_SCENES;
    let textIndex = text - (this.#blocks[block] ?? 0);
    for (
      let count = this.#counts[scene] ?? 0;
      textIndex >= count;
      count = this.#counts[scene] ?? 0
    ) {
      textIndex -= count;
      scene += 1;
    }
    return { scene, textIndex };
  }
}
