import { ConfigError, ShardError } from "../core/errors.ts";
import type { RandomStream } from "../core/random.ts";
import type { PictureInfo, SceneHead, SceneText } from "../core/records.ts";
import { type SampleKey, sampleDraws } from "./draws.ts";
import type { MatchedUnmatchedPairing } from "./options.ts";

/** All scenes that texts may be drawn from. */
export interface SceneLookup {
  readonly numSamples: number;
  head(sampleIndex: number): Promise<SceneHead>;
}

export interface PairedText {
  readonly text: SceneText;
  readonly matched: boolean;
  /** The sample that owns the text. */
  readonly sampleIndex: number;
}

export interface Pairing {
  /** The matched texts, then the unmatched ones. */
  readonly pairs: readonly PairedText[];
  /** Drawn texts that were rejected because they could be true of the picture, or stood there already. */
  readonly numRedraws: number;
  /** Texts that stand twice because there are fewer different ones than wanted. */
  readonly numRepeats: number;
}

// With so many rejections in a row nearly all texts fit the picture; a scan then settles whether any does not.
const MAX_REDRAWS = 32;

/**
 * The texts that a picture meets: its own, different as long as there are enough, and texts of other
 * scenes that are neither of the same picture by identity nor equal to a text of this scene. Scenes are drawn
 * uniformly, then one of their texts. A pure function of the key.
 * ConfigError when no text of another picture exists; ShardError when the scene has no text.
 */
export async function pairTexts(
  key: SampleKey,
  scenes: SceneLookup,
  rules: MatchedUnmatchedPairing,
): Promise<Pairing> {
  const draws = sampleDraws("pairing", key);
  const head = await scenes.head(key.sampleIndex);
  const own = differentTexts(head.texts, draws);
  if (own.length === 0 && rules.matched > 0) {
    throw new ShardError(`scene ${head.sceneKey} has no text to pair its picture with`, {
      record: head.sceneKey,
    });
  }
  const matched = repeated(own, rules.matched).map((text) => ({
    text,
    matched: true,
    sampleIndex: key.sampleIndex,
  }));
  const search = new UnmatchedSearch({ key, head, scenes, draws });
  const found = await search.find(rules.unmatched);
  const numRepeats = Math.max(0, rules.matched - own.length) + rules.unmatched - found.length;
  return {
    pairs: [...matched, ...repeated(found, rules.unmatched)],
    numRedraws: search.numRedraws,
    numRepeats,
  };
}

/** A text without what does not change its meaning here: letter case, punctuation, spacing. */
export function normalizedText(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[\p{P}\p{S}\p{C}\s]+/gu, " ")
    .trim();
}

/** Whether two scenes show one picture: same or linked key, same Flickr photo, same bytes or same pixels. */
export function sharesPicture(a: SceneHead, b: SceneHead): boolean {
  return a.pictures.some((left) => b.pictures.some((right) => isSamePicture(left, right)));
}

function isSamePicture(a: PictureInfo, b: PictureInfo): boolean {
  return (
    isLinked(a, b) ||
    a.sha256 === b.sha256 ||
    a.sourceSha256 === b.sourceSha256 ||
    a.pixelSha256 === b.pixelSha256 ||
    (a.flickrPhotoId !== null && a.flickrPhotoId === b.flickrPhotoId)
  );
}

function isLinked(a: PictureInfo, b: PictureInfo): boolean {
  if (a.key === b.key) return true;
  if (a.linkedKeys.length + b.linkedKeys.length === 0) return false;
  const keys = new Set([b.key, ...b.linkedKeys]);
  return [a.key, ...a.linkedKeys].some((key) => keys.has(key));
}

/** One text of each meaning, in drawn order. */
function differentTexts(texts: readonly SceneText[], draws: RandomStream): SceneText[] {
  const order = draws.sampleDistinct(texts.length, texts.length);
  const byMeaning = new Map<string, SceneText>();
  for (const text of order.flatMap((index) => texts[index] ?? [])) {
    const meaning = normalizedText(text.text);
    if (!byMeaning.has(meaning)) byMeaning.set(meaning, text);
  }
  return [...byMeaning.values()];
}

function repeated<Item>(items: readonly Item[], count: number): Item[] {
  return Array.from({ length: count }, (_, index) => items[index % items.length]).filter(
    (item) => item !== undefined,
  );
}

interface SearchOptions {
  readonly key: SampleKey;
  readonly head: SceneHead;
  readonly scenes: SceneLookup;
  readonly draws: RandomStream;
}

class UnmatchedSearch {
  numRedraws = 0;
  readonly #options: SearchOptions;
  /** Meanings that no further text may have: those of the scene's own texts, and those already drawn. */
  readonly #taken: Set<string>;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#taken = new Set(options.head.texts.map(({ text }) => normalizedText(text)));
  }

  /** Up to `count` unmatched texts of different meaning; fewer only when there are no more. */
  async find(count: number): Promise<PairedText[]> {
    const found: PairedText[] = [];
    while (found.length < count) {
      const next = (await this.#draw()) ?? (await this.#scan());
      if (next === undefined) break;
      this.#taken.add(normalizedText(next.text.text));
      found.push(next);
    }
    if (count > 0 && found.length === 0) throw this.#noneFound();
    return found;
  }

  async #draw(): Promise<PairedText | undefined> {
    const { draws, scenes } = this.#options;
    for (let attempt = 0; attempt < MAX_REDRAWS && scenes.numSamples > 1; attempt += 1) {
      const sampleIndex = this.#otherSample(draws.nextInt(scenes.numSamples - 1));
      const head = await scenes.head(sampleIndex);
      const text = head.texts[draws.nextInt(head.texts.length)];
      if (text !== undefined && this.#fits(head, text)) return unmatched(text, sampleIndex);
      this.numRedraws += 1;
    }
    return undefined;
  }

  /** Looks at every text of every other scene, from a drawn place on. */
  async #scan(): Promise<PairedText | undefined> {
    const { draws, scenes } = this.#options;
    const numOthers = scenes.numSamples - 1;
    const start = draws.nextInt(Math.max(1, numOthers));
    for (let step = 0; step < numOthers; step += 1) {
      const sampleIndex = this.#otherSample((start + step) % numOthers);
      const head = await scenes.head(sampleIndex);
      const text = head.texts.find((candidate) => this.#fits(head, candidate));
      if (text !== undefined) return unmatched(text, sampleIndex);
    }
    return undefined;
  }

  #otherSample(position: number): number {
    return position < this.#options.key.sampleIndex ? position : position + 1;
  }

  #fits(head: SceneHead, text: SceneText): boolean {
    return !this.#taken.has(normalizedText(text.text)) && !sharesPicture(head, this.#options.head);
  }

  #noneFound(): ConfigError {
    const { head, scenes } = this.#options;
    return new ConfigError(
      `no unmatched text for ${head.sceneKey}: all ${scenes.numSamples} scenes show the same picture or say the same`,
      { record: head.sceneKey, remedy: "train on more scenes" },
    );
  }
}

function unmatched(text: SceneText, sampleIndex: number): PairedText {
  return { text, matched: false, sampleIndex };
}
