import type { ComparedSplits, ProtectedTexts } from "./protected-texts.ts";
import type { TextCell } from "./text-findings.ts";

// What is known of an evaluation text, or of an entry, from one training split.
const SAME_RECORD = 1;
const SAME_PICTURE = 2;
const WITH_LABEL = 4;
const EQUAL = 1;
const SIMILAR = 2;

interface Marks {
  readonly ofTexts: Uint8Array;
  readonly ofEntries: Uint8Array;
}

/** Counts, for each training and each evaluation split, the evaluation texts that the training split holds: two bytes a text. */
export class TextMatrix {
  readonly #texts: ProtectedTexts;
  readonly #splits: ComparedSplits["splits"];
  readonly #marks = new Map<number, Marks>();

  constructor(texts: ProtectedTexts, splits: ComparedSplits["splits"]) {
    this.#texts = texts;
    this.#splits = splits;
  }

  markEqual(source: number, entry: number): void {
    mark(this.#marksOf(source).ofEntries, entry, EQUAL);
  }

  markSimilar(source: number, entry: number): void {
    mark(this.#marksOf(source).ofEntries, entry, SIMILAR);
  }

  markSamePicture(
    source: number,
    text: number,
    { sameLabel, sameRecord }: { readonly sameLabel: boolean; readonly sameRecord: boolean },
  ): void {
    const { ofTexts } = this.#marksOf(source);
    mark(ofTexts, text, sameRecord ? SAME_RECORD : SAME_PICTURE);
    if (sameLabel) mark(ofTexts, text, WITH_LABEL);
  }

  /** In the order of the splits. */
  cells(): readonly TextCell[] {
    return Array.from(this.#marks)
      .toSorted(([a], [b]) => a - b)
      .flatMap(([source, marks]) => this.#cellsOf(source, marks));
  }

  #cellsOf(source: number, { ofEntries, ofTexts }: Marks): readonly TextCell[] {
    const counts = this.#splits.map(() => ({
      sameRecord: 0,
      samePicture: 0,
      withLabel: 0,
      sameText: 0,
      nearText: 0,
    }));
    for (let text = 0; text < this.#texts.length; text += 1) {
      const ofText = ofTexts[text] ?? 0;
      const ofEntry = ofEntries[this.#texts.entryOf(text)] ?? 0;
      if (ofText === 0 && ofEntry === 0) continue;
      const count = counts[this.#texts.sceneOf(text).source];
      if (count === undefined) continue;
      if ((ofText & WITH_LABEL) !== 0) count.withLabel += 1;
      if ((ofText & SAME_RECORD) !== 0) count.sameRecord += 1;
      else if ((ofText & SAME_PICTURE) !== 0) count.samePicture += 1;
      else if ((ofEntry & EQUAL) !== 0) count.sameText += 1;
      else count.nearText += 1;
    }
    return counts.flatMap((count, other) => {
      const { nearText, samePicture, sameRecord, sameText } = count;
      if (nearText + samePicture + sameRecord + sameText === 0) return [];
      return [{ train: this.#nameOf(source), eval: this.#nameOf(other), ...count }];
    });
  }

  #nameOf(source: number): string {
    const { set = "", split = "" } = this.#splits[source] ?? {};
    return `${set}/${split}`;
  }

  #marksOf(source: number): Marks {
    const known = this.#marks.get(source);
    if (known !== undefined) return known;
    const marks = {
      ofTexts: new Uint8Array(this.#texts.length),
      ofEntries: new Uint8Array(this.#texts.numEntries),
    };
    this.#marks.set(source, marks);
    return marks;
  }
}

function mark(marks: Uint8Array, at: number, bit: number): void {
  marks[at] = (marks[at] ?? 0) | bit;
}
