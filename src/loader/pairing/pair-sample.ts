import { strict as assert } from "node:assert";

import { ConfigError, ShardError } from "../../core/errors.ts";
import { mixSeed, RandomStream } from "../../core/random.ts";
import type { SceneHead, SceneText } from "../../core/records.ts";
import { drawPurposes, type PlaceInBatch, sampleDraws, type SampleKey } from "../draws.ts";
import type { BernoulliTextsPairing, MatchedUnmatchedPairing, PairingOptions } from "../options.ts";
import { permuted } from "../order.ts";
import { replacedSide } from "./replaced-picture.ts";
import { type OwnTexts, ownTexts, type TextRules } from "./scene-texts.ts";
import { type FoundText, type SceneLookup, UnmatchedSearch } from "./unmatched-search.ts";

export interface PairedText extends FoundText {
  readonly matched: boolean;
}

export interface Pairing {
  /** The sample that owns the picture: another one than the key's where the picture was replaced. */
  readonly pictureIndex: number;
  /** The matched texts, then the unmatched ones. */
  readonly pairs: readonly PairedText[];
  /** Draws that were rejected because they could be true of the sample, or stood there already. */
  readonly numRedraws: number;
  /** Texts that stand twice because there are fewer different ones than wanted. */
  readonly numRepeats: number;
  /** Texts of the scene that were left out for their length. */
  readonly numDroppedTexts: number;
}

export interface PairingContext<Options extends PairingOptions = PairingOptions> {
  readonly scenes: SceneLookup;
  readonly pairing: Options;
  readonly rules: TextRules;
  /** The key's, where it has been read already. */
  readonly head?: SceneHead;
  /** Whether a text of the scene speaks of what is shown of its picture; all do when left out. */
  readonly isShown?: (text: SceneText) => boolean;
  /** Which text of another scene stands as unmatched one; any when left out. */
  readonly unmatchedText?: "any" | "first";
}

/**
 * The picture of a sample with the texts it meets. Unmatched texts and pictures are drawn from scenes that are not
 * of the same picture by identity, and no unmatched text equals a text of the picture's scene. A pure
 * function of the key. ConfigError when nothing unmatched exists, or when the scene's texts are of kinds that are
 * not true of a picture by themselves; ShardError when the scene has no text.
 */
export async function pairSample(key: SampleKey, context: PairingContext): Promise<Pairing> {
  const { pairing } = context;
  if (pairing.kind === "matched-unmatched") return pairTexts(key, { ...context, pairing });
  if (pairing.kind === "bernoulli-texts") return bernoulliTexts(key, { ...context, pairing });
  if (pairing.kind === "bernoulli") return onePair(key, replacedSide(key, pairing), context);
  assert(pairing.kind === "exact-half", "labelled texts stand beside their own pictures");
  return onePair(key, isUnmatchedHalf(key.seed, key.place) ? "text" : "none", context);
}

/** The picture with so many of its own texts, different as long as there are enough, and so many of others. */
export async function pairTexts(
  key: SampleKey,
  context: PairingContext<MatchedUnmatchedPairing>,
): Promise<Pairing> {
  const { pairing } = context;
  const { own, search } = await prepare(key, { ...context, numOwn: pairing.matched });
  const matched = repeated(own.texts, pairing.matched).map((text) => ({
    text,
    matched: true,
    sampleIndex: key.sampleIndex,
  }));
  const found = await search.texts(pairing.unmatched);
  const unmatched = repeated(found, pairing.unmatched).map((one) => ({ ...one, matched: false }));
  return {
    pictureIndex: key.sampleIndex,
    pairs: [...matched, ...unmatched],
    numRedraws: search.numRedraws,
    numRepeats: Math.max(0, pairing.matched - own.texts.length) + pairing.unmatched - found.length,
    numDroppedTexts: own.numDropped,
  };
}

/** A coin for each text. */
function bernoulliTexts(
  key: SampleKey,
  context: PairingContext<BernoulliTextsPairing>,
): Promise<Pairing> {
  const { probability, texts, unmatchedText, ...source } = context.pairing;
  const draws = sampleDraws("labels", key);
  const unmatched = Array.from({ length: texts }, () => draws.nextBoolean(probability)).filter(
    Boolean,
  ).length;
  const numbers = { matched: texts - unmatched, unmatched };
  const pairing = { ...source, ...numbers, kind: "matched-unmatched" } as const;
  return pairTexts(key, { ...context, pairing, unmatchedText });
}

async function onePair(
  key: SampleKey,
  replaced: "none" | "picture" | "text",
  context: PairingContext,
): Promise<Pairing> {
  const { sampleIndex } = key;
  const { own, search } = await prepare(key, { ...context, numOwn: 1 });
  const [text] = own.texts;
  assert(text !== undefined, "prepare() refuses scenes without a text");
  const pictureIndex = replaced === "picture" ? await search.picture(text) : sampleIndex;
  const others = replaced === "text" ? await search.texts(1) : [];
  const [pair = { text, sampleIndex }] = others;
  return {
    pictureIndex,
    pairs: [{ ...pair, matched: replaced === "none" }],
    numRedraws: search.numRedraws,
    numRepeats: 0,
    numDroppedTexts: own.numDropped,
  };
}

async function prepare(
  key: SampleKey,
  context: PairingContext & { readonly numOwn: number },
): Promise<{ own: OwnTexts; search: UnmatchedSearch }> {
  const { isShown = () => true, numOwn: count, pairing, rules, scenes } = context;
  const draws = sampleDraws("pairing", key);
  const head = context.head ?? (await scenes.head(key.sampleIndex));
  const only = key.textIndex === undefined ? undefined : head.texts[key.textIndex];
  const about = only === undefined ? head : { ...head, texts: [only] };
  const own = ownTexts(about, draws, { count, rules, isShown });
  if (own.texts.length === 0) throw noText(about);
  const { unmatchedFrom: from = "same-split" } = pairing.kind === "labelled" ? {} : pairing;
  const { sampleIndex } = key;
  const { unmatchedText = "any" } = context;
  const search = { sampleIndex, head, scenes, rules, draws, from, unmatchedText };
  return { own, search: new UnmatchedSearch(search) };
}

/** Of each global batch exactly half of the samples, other ones each time; of an odd number the half or one more. */
function isUnmatchedHalf(seed: number, place: PlaceInBatch | undefined): boolean {
  assert(place !== undefined, "exact-half pairs samples of batches");
  const batchSeed = mixSeed(seed, drawPurposes.labels, place.epoch, place.batchIndex);
  const position = permuted(place.row, { size: place.numRows, seed: batchSeed });
  const isOneMore = new RandomStream(batchSeed).nextBoolean(0.5);
  return position < Math.floor((place.numRows + Number(isOneMore)) / 2);
}

function repeated<Item>(items: readonly Item[], count: number): Item[] {
  return Array.from({ length: count }, (_, index) => items[index % items.length]).filter(
    (item) => item !== undefined,
  );
}

function noText({ sceneKey, texts }: SceneHead): ConfigError | ShardError {
  const [first] = texts;
  if (first === undefined)
    return new ShardError(`scene ${sceneKey} has no text to pair its picture with`, {
      record: sceneKey,
    });
  return new ConfigError(
    `scene ${sceneKey} has no text that is true of its picture by itself, only a ${first.kind}`,
    { record: sceneKey, remedy: "train on captions, region descriptions or expressions" },
  );
}
