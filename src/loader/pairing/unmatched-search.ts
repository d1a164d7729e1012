import { ConfigError } from "../../core/errors.ts";
import type { RandomStream } from "../../core/random.ts";
import type { SceneHead, SceneText } from "../../core/records.ts";
import { sharesPicture } from "./same-picture.ts";
import { isDropped, isPairable, SeenTexts, type TextRules } from "./scene-texts.ts";

/** All scenes that texts and pictures may be drawn from. */
export interface SceneLookup {
  readonly numSamples: number;
  head(sampleIndex: number): Promise<SceneHead>;
}

/** A text with the sample that owns it. */
export interface FoundText {
  readonly text: SceneText;
  readonly sampleIndex: number;
}

export interface SearchOptions {
  readonly sampleIndex: number;
  readonly head: SceneHead;
  readonly scenes: SceneLookup;
  readonly rules: TextRules;
  readonly draws: RandomStream;
}

// With so many rejections in a row nearly all scenes fit the sample; a scan then settles whether any does not.
const MAX_REDRAWS = 32;

/** Draws what is not true of a sample: scenes uniformly among all others, and then one of their texts. */
export class UnmatchedSearch {
  /** Drawn texts or pictures that were rejected. */
  numRedraws = 0;
  readonly #options: SearchOptions;

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  /** Up to `count` texts, of different meaning, that no text of the scene has; ConfigError when there is none. */
  async texts(count: number): Promise<FoundText[]> {
    const { head, rules } = this.#options;
    const taken = new SeenTexts(rules, head.texts);
    const fits = (text: SceneText): boolean =>
      isPairable(text) && !isDropped(text, rules) && !taken.has(text);
    const found: FoundText[] = [];
    while (found.length < count) {
      const next = await this.#find({
        draw: (other, draws) => {
          const text = other.texts[draws.nextInt(other.texts.length)];
          return text !== undefined && fits(text) ? text : undefined;
        },
        scan: (other) => other.texts.find(fits),
      });
      if (next === undefined) break;
      taken.add(next.item);
      found.push({ text: next.item, sampleIndex: next.sampleIndex });
    }
    if (count > 0 && found.length === 0) throw this.#noneFound("text");
    return found;
  }

  /** The sample of another picture, none of whose texts equals `text`; ConfigError when there is none. */
  async picture(text: SceneText): Promise<number> {
    const own = new SeenTexts(this.#options.rules, [text]);
    const judge = (other: SceneHead): SceneHead | undefined =>
      other.texts.some((its) => own.has(its)) ? undefined : other;
    const found = await this.#find({ draw: judge, scan: judge });
    if (found === undefined) throw this.#noneFound("picture");
    return found.sampleIndex;
  }

  async #find<Item>(judge: {
    draw: (head: SceneHead, draws: RandomStream) => Item | undefined;
    scan: (head: SceneHead) => Item | undefined;
  }): Promise<{ item: Item; sampleIndex: number } | undefined> {
    const { draws, scenes } = this.#options;
    const numOthers = scenes.numSamples - 1;
    const numDraws = numOthers > 0 ? MAX_REDRAWS : 0;
    for (let attempt = 0; attempt < numDraws; attempt += 1) {
      const other = await this.#other(draws.nextInt(numOthers));
      const item = judge.draw(other.head, draws);
      if (item !== undefined && this.#isOtherPicture(other.head)) return { ...other, item };
      this.numRedraws += 1;
    }
    const start = draws.nextInt(Math.max(1, numOthers));
    for (let step = 0; step < numOthers; step += 1) {
      const other = await this.#other((start + step) % numOthers);
      const item = judge.scan(other.head);
      if (item !== undefined && this.#isOtherPicture(other.head)) return { ...other, item };
    }
    return undefined;
  }

  /** The scenes but the sample's own, by position. */
  async #other(position: number): Promise<{ head: SceneHead; sampleIndex: number }> {
    const sampleIndex = position < this.#options.sampleIndex ? position : position + 1;
    return { head: await this.#options.scenes.head(sampleIndex), sampleIndex };
  }

  #isOtherPicture(head: SceneHead): boolean {
    return !sharesPicture(head, this.#options.head);
  }

  #noneFound(what: "text" | "picture"): ConfigError {
    const { head, scenes } = this.#options;
    return new ConfigError(
      `no unmatched ${what} for ${head.sceneKey}: all ${scenes.numSamples} scenes show the same picture, say the same or have no text to pair`,
      { record: head.sceneKey, remedy: "train on more scenes" },
    );
  }
}
