import { ConfigError } from "../../core/errors.ts";
import type { RandomStream } from "../../core/random.ts";
import type { SceneHead, SceneText } from "../../core/records.ts";
import { otherScene, type SceneRange } from "./replaced-picture.ts";
import { sceneNames } from "./same-picture.ts";
import type { UnmatchedSource } from "../options.ts";
import { isDropped, isPairable, SeenTexts, type TextRules } from "./scene-texts.ts";

/** All scenes that texts and pictures may be drawn from. */
export interface SceneLookup {
  readonly numSamples: number;
  /** At once where it is at hand; then its faults are thrown at once as well. */
  head(sampleIndex: number): SceneHead | Promise<SceneHead>;
  /** The scenes of the same split. */
  splitOf(sampleIndex: number): SceneRange;
  /** The group of scenes that show its picture by way of third ones. */
  chainOf(sampleIndex: number): number | undefined;
  /**
   * Whether a picture fits a batch in the place of a sample's own: it lies the same way where pictures are grouped by that,
   * and has no more regions than the one that was tried first where these are counted.
   */
  mayStandFor(sampleIndex: number, tried: { first: number; other: number }): boolean;
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
  readonly from: UnmatchedSource;
  readonly unmatchedText: "any" | "first";
}

interface OtherScene {
  readonly head: SceneHead | Promise<SceneHead>;
  readonly sampleIndex: number;
}

// With so many rejections in a row nearly all scenes fit the sample; a scan then settles whether any does not.
const MAX_REDRAWS = 32;

/** Draws what is not true of a sample: scenes uniformly among the others, and then one of their texts. */
export class UnmatchedSearch {
  /** Drawn texts or pictures that were rejected. */
  numRedraws = 0;
  readonly #options: SearchOptions;
  readonly #range: SceneRange;
  readonly #names: ReadonlySet<string>;
  readonly #chain: number | undefined;

  constructor(options: SearchOptions) {
    const { from, head, sampleIndex, scenes } = options;
    this.#options = options;
    const all = { first: 0, size: scenes.numSamples };
    this.#range = from === "all-splits" ? all : scenes.splitOf(sampleIndex);
    this.#names = new Set(sceneNames(head));
    this.#chain = scenes.chainOf(sampleIndex);
  }

  /** Up to `count` texts, of different meaning, that no text of the scene has; ConfigError when there is none. */
  async texts(count: number): Promise<FoundText[]> {
    const { head, rules, unmatchedText } = this.#options;
    const isFirst = unmatchedText === "first";
    const taken = new SeenTexts(rules, head.texts);
    const fits = (text: SceneText): boolean =>
      isPairable(text) && !isDropped(text, rules) && !taken.has(text);
    const found: FoundText[] = [];
    while (found.length < count) {
      const next = await this.#find({
        draw: (other, draws) => {
          const text = other.texts[isFirst ? 0 : draws.nextInt(other.texts.length)];
          return text !== undefined && fits(text) ? text : undefined;
        },
        scan: (other) => (isFirst ? other.texts.slice(0, 1) : other.texts).find(fits),
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
    const { sampleIndex, scenes } = this.#options;
    let first: number | undefined;
    const judge = (head: SceneHead, other: number): true | undefined => {
      first ??= other;
      if (!scenes.mayStandFor(sampleIndex, { first, other })) return undefined;
      return head.texts.some((its) => own.has(its)) ? undefined : true;
    };
    const found = await this.#find({
      draw: (head, _, other) => judge(head, other),
      scan: judge,
    });
    if (found === undefined) throw this.#noneFound("picture");
    return found.sampleIndex;
  }

  async #find<Item>(judge: {
    draw: (head: SceneHead, draws: RandomStream, sampleIndex: number) => Item | undefined;
    scan: (head: SceneHead, sampleIndex: number) => Item | undefined;
  }): Promise<{ item: Item; sampleIndex: number } | undefined> {
    const { draws } = this.#options;
    const numOthers = this.#range.size - 1;
    const numDraws = numOthers > 0 ? MAX_REDRAWS : 0;
    for (let attempt = 0; attempt < numDraws; attempt += 1) {
      const { head: asked, sampleIndex } = this.#other(draws.nextInt(numOthers));
      const head = asked instanceof Promise ? await asked : asked;
      const item = judge.draw(head, draws, sampleIndex);
      if (item !== undefined && this.#isOtherPicture(head, sampleIndex)) {
        return { item, sampleIndex };
      }
      this.numRedraws += 1;
    }
    const start = draws.nextInt(Math.max(1, numOthers));
    for (let step = 0; step < numOthers; step += 1) {
      const { head: asked, sampleIndex } = this.#other((start + step) % numOthers);
      const head = await asked;
      const item = judge.scan(head, sampleIndex);
      if (item !== undefined && this.#isOtherPicture(head, sampleIndex)) {
        return { item, sampleIndex };
      }
    }
    return undefined;
  }

  /** The scenes but the sample's own, by position. */
  #other(position: number): OtherScene {
    const sampleIndex = otherScene(this.#range, this.#options.sampleIndex, position);
    return { head: this.#options.scenes.head(sampleIndex), sampleIndex };
  }

  #isOtherPicture(head: SceneHead, sampleIndex: number): boolean {
    if (sceneNames(head).some((name) => this.#names.has(name))) return false;
    return this.#chain === undefined || this.#chain !== this.#options.scenes.chainOf(sampleIndex);
  }

  #noneFound(what: "text" | "picture"): ConfigError {
    const { from, head, scenes } = this.#options;
    const { size } = this.#range;
    const where = size < scenes.numSamples ? `${size} scenes of its split` : `${size} scenes`;
    return new ConfigError(
      `no unmatched ${what} for ${head.sceneKey}: all ${where} show the same picture, say the same or have no text to pair`,
      {
        record: head.sceneKey,
        remedy:
          from === "same-split" && size < scenes.numSamples
            ? 'train on more scenes, or set pairing.unmatchedFrom to "all-splits"'
            : "train on more scenes",
      },
    );
  }
}
