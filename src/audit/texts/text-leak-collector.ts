import { collectionOf } from "../../core/keys.ts";
import type { SceneHead, SceneText } from "../../core/records.ts";
import { textLeakRules, type TextLeak, type TextLeakRule } from "../findings.ts";
import type { TextHits } from "../text-memory/text-hits.ts";
import type { ListingLimits } from "../verdict.ts";
import { labelOf } from "./labels.ts";
import type { ComparedSplits, ProtectedTexts, TextScene } from "./protected-texts.ts";
import { SamePictures } from "./same-pictures.ts";
import type { TextCell, TextYield } from "./text-findings.ts";
import { TextMatrix } from "./text-matrix.ts";
import { describeTextLeak, type TextPair } from "./text-pairs.ts";

/** Pairs of each kind that are listed of equal and similar texts, which are many in every set of captions. */
const MAX_ALIKE = 200;

interface Context {
  readonly related: ComparedSplits;
  readonly listing: ListingLimits;
}

/** Holds each training text against the evaluation texts and keeps what was found. */
export class TextLeakCollector {
  readonly #texts: ProtectedTexts;
  readonly #related: ComparedSplits;
  readonly #listing: ListingLimits;
  readonly #same: SamePictures;
  readonly #matrix: TextMatrix;
  readonly #listed = new Map<TextLeakRule, TextPair[]>(textLeakRules.map((rule) => [rule, []]));
  readonly #counts = new Map(textLeakRules.map((rule) => [rule, { texts: 0, sameLabel: 0 }]));
  #numLeaks = 0;
  numCompared = 0;
  numWithoutWords = 0;

  constructor(texts: ProtectedTexts, { listing, related }: Context) {
    this.#texts = texts;
    this.#related = related;
    this.#listing = listing;
    this.#same = new SamePictures(texts, related.identities);
    this.#matrix = new TextMatrix(texts, related.splits);
  }

  /** Looks at all texts of a training scene. Gives the numbers of those that are equal or similar to another. */
  check({ texts }: Pick<SceneHead, "texts">, scene: TextScene): readonly number[] {
    const hits: number[] = [];
    for (const [index, text] of texts.entries()) if (this.#check(text, scene)) hits.push(index);
    return hits;
  }

  /** Counts texts that were looked at before and are like none. */
  addUnlike({ numUnlike, numWithoutWords }: Pick<TextHits, "numUnlike" | "numWithoutWords">): void {
    this.numCompared += numUnlike;
    this.numWithoutWords += numWithoutWords;
  }

  /** Texts that are trained on with their evaluation pictures. */
  leaks(): readonly TextLeak[] {
    return this.#describe(["same-pair-id", "same-text-and-picture"], this.#listing.maxPairs);
  }

  numLeaks(): number {
    return this.#numLeaks;
  }

  alike(): readonly TextLeak[] {
    return this.#describe(["same-text", "near-text"], 2 * MAX_ALIKE);
  }

  yields(): readonly TextYield[] {
    return textLeakRules.map((rule) => {
      const { sameLabel = 0, texts = 0 } = this.#counts.get(rule) ?? {};
      return { rule, trainTexts: texts, sameLabel };
    });
  }

  matrix(): readonly TextCell[] {
    return this.#matrix.cells();
  }

  /** Whether the text is like another. */
  #check(text: SceneText, scene: TextScene): boolean {
    const found = this.#texts.lookUp(text.text);
    if (found === undefined) {
      this.numWithoutWords += 1;
      return false;
    }
    this.numCompared += 1;
    if (found.entry !== undefined) {
      this.#checkEqual(text, scene, found.entry);
      return true;
    }
    const [nearest] = found.similar.toSorted(
      (a, b) => b.similarity - a.similarity || a.entry - b.entry,
    );
    if (nearest === undefined) return false;
    for (const { entry } of found.similar) this.#matrix.markSimilar(scene.source, entry);
    const partners = this.#texts.membersOf(nearest.entry).subarray(0, 1);
    this.#take("near-text", { text, scene, partners, similarity: nearest.similarity });
    return true;
  }

  #checkEqual(text: SceneText, scene: TextScene, entry: number): void {
    this.#matrix.markEqual(scene.source, entry);
    const label = labelOf(text);
    const ofPicture = this.#same.among(entry, scene);
    for (const partner of ofPicture) {
      const other = this.#texts.at(partner);
      this.#matrix.markSamePicture(scene.source, partner, {
        sameRecord: isSameRecord(text, scene, other),
        sameLabel: label !== null && label === other.label,
      });
    }
    const records = ofPicture.filter((partner) =>
      isSameRecord(text, scene, this.#texts.at(partner)),
    );
    if (ofPicture.length > 0) this.#numLeaks += 1;
    const pair = { text, scene, similarity: 1 };
    if (records.length > 0) this.#take("same-pair-id", { ...pair, partners: records });
    else if (ofPicture.length > 0) {
      this.#take("same-text-and-picture", { ...pair, partners: ofPicture });
    } else {
      const partners = this.#texts.membersOf(entry).subarray(0, 1);
      this.#take("same-text", { ...pair, partners });
    }
  }

  #take(
    rule: TextLeakRule,
    found: Omit<TextPair, "partner" | "rule"> & { readonly partners: ArrayLike<number> },
  ): void {
    const { partners, ...pair } = found;
    const label = labelOf(pair.text);
    const indexes = Array.from(partners);
    const same = label !== null && indexes.some((at) => this.#texts.at(at).label === label);
    const counts = this.#counts.get(rule);
    if (counts !== undefined) {
      counts.texts += 1;
      if (same) counts.sameLabel += 1;
    }
    const listed = this.#listed.get(rule);
    const isLeak = rule === "same-pair-id" || rule === "same-text-and-picture";
    const limit = isLeak ? this.#listing.maxPairs : MAX_ALIKE;
    for (const partner of indexes.slice(0, this.#listing.maxPartners)) {
      if (listed === undefined || listed.length >= limit) return;
      listed.push({ ...pair, rule, partner });
    }
  }

  #describe(rules: readonly TextLeakRule[], limit: number): readonly TextLeak[] {
    return rules
      .flatMap((rule) => this.#listed.get(rule) ?? [])
      .slice(0, limit)
      .map((pair) => describeTextLeak(pair, this.#texts, this.#related));
  }
}

/** Whether two equal texts are one record of one publisher. */
function isSameRecord(
  text: SceneText,
  scene: TextScene,
  other: { readonly id: string; readonly kind: string; readonly scene: TextScene },
): boolean {
  return (
    text.id === other.id &&
    text.kind === other.kind &&
    collectionOf(scene.sceneKey) === collectionOf(other.scene.sceneKey)
  );
}
