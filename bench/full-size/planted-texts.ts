import { RandomStream } from "../../src/core/random.ts";
import type { WorldTexts } from "../../test/cli/annotation-audit/planted/write-world.ts";
import { MadeUpTexts } from "./made-up-texts.ts";

/** Of so many photos the first text is kept, so that others about the photo may say the same. */
const PHOTOS_KEPT = 40;
/** So many texts are copies of one that was said before, of whatever photo. */
const TEXTS_PER_COPY = 200;
const POOL_SIZE = 5000;

interface Said {
  readonly part: string;
  readonly photo: number;
}

/**
 * Made-up texts of which each has a word that no other has, but for those that are planted: copies of an earlier text, of
 * the same photo or of another one. So it is known which texts are on both sides, and no others are alike.
 */
export class PlantedTexts implements WorldTexts {
  readonly perPicture = { genome: 50, flickr30k: 5 };
  readonly #random: RandomStream;
  readonly #words: MadeUpTexts;
  readonly #ofPhoto = new Map<number, string>();
  readonly #pool: string[] = [];
  /** Of texts that may be copied, who says them. */
  readonly #said = new Map<string, Said[]>();
  numTexts = 0;

  constructor(samples: readonly string[], seed: number) {
    this.#random = new RandomStream(seed, 11);
    this.#words = new MadeUpTexts(samples, seed, 12);
  }

  readonly next = (part: string, photo: number): string => {
    const text = this.#copy(photo) ?? this.#new(photo);
    this.numTexts += 1;
    this.#said.get(text)?.push({ part, photo });
    return text;
  };

  /** How many texts of an evaluation part are said in a training part: of the same photo, and of others alone. */
  shared(evaluated: string, trained: string): { samePicture: number; sameText: number } {
    let [samePicture, sameText] = [0, 0];
    for (const said of this.#said.values()) {
      const photos = new Set(said.flatMap(({ part, photo }) => (part === trained ? [photo] : [])));
      if (photos.size === 0) continue;
      for (const { part, photo } of said) {
        if (part !== evaluated) continue;
        if (photos.has(photo)) samePicture += 1;
        else sameText += 1;
      }
    }
    return { samePicture, sameText };
  }

  #copy(photo: number): string | undefined {
    const own = this.#ofPhoto.get(photo);
    if (own !== undefined && this.#random.nextBoolean(0.2)) return own;
    const isCopy = this.#pool.length > 0 && this.#random.nextInt(TEXTS_PER_COPY) === 0;
    return isCopy ? this.#random.pick(this.#pool) : undefined;
  }

  #new(photo: number): string {
    const words = this.#words.next().replaceAll(/[^\w ]+/g, "");
    const text = `${words} n${this.numTexts}`;
    if (photo % PHOTOS_KEPT === 0 && !this.#ofPhoto.has(photo)) {
      this.#ofPhoto.set(photo, text);
      this.#said.set(text, []);
    } else if (this.#random.nextInt(TEXTS_PER_COPY) === 0) {
      this.#said.set(text, []);
      if (this.#pool.length < POOL_SIZE) this.#pool.push(text);
      else this.#pool[this.#random.nextInt(POOL_SIZE)] = text;
    }
    return text;
  }
}
