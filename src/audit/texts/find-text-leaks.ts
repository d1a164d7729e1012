import { silentProgress, type Progress } from "../../core/progress.ts";
import type { SceneHead } from "../../core/records.ts";
import type { RelatedSplits } from "../relate-splits.ts";
import type { AuditedSplit, ListingLimits } from "../verdict.ts";
import { NUM_BANDS, ROWS_PER_BAND } from "./min-hash.ts";
import { ProtectedTexts, type TextScene } from "./protected-texts.ts";
import { MIN_SHINGLES, MIN_SIMILARITY } from "./similar-texts.ts";
import { WORDS_PER_SHINGLE } from "./shingles.ts";
import { TextLeakCollector } from "./text-leak-collector.ts";
import type { TextFindings } from "./text-findings.ts";

export interface TextSearch {
  /** The splits of the audit with their heads to be read once more; those that `related` does not have are passed over. */
  readonly splits: readonly AuditedSplit[];
  readonly related: RelatedSplits;
  readonly listing: ListingLimits;
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Every text of every training split against every text of every evaluation split: the same published record, the same text
 * of the same picture by any identity, the same text of another picture, and near-duplicates (MinHash, verified by the
 * Jaccard similarity of the shingles). The evaluation side is held in memory, some 500 bytes a text; the other streams past.
 */
export async function findTextLeaks(search: TextSearch): Promise<TextFindings> {
  const texts = new ProtectedTexts();
  let numWithoutWords = 0;
  for await (const { head, scene } of scenesOf(search, "eval")) {
    for (const text of head.texts) if (!texts.add(scene, text)) numWithoutWords += 1;
  }
  texts.seal();
  const collector = new TextLeakCollector(texts, search);
  for await (const { head, scene } of scenesOf(search, "train")) collector.check(head, scene);
  return textFindings(collector, texts, numWithoutWords);
}

/** What was collected; `numWithoutWords` is of the evaluation side. */
export function textFindings(
  collector: TextLeakCollector,
  texts: ProtectedTexts,
  numWithoutWords: number,
): TextFindings {
  return {
    leaks: collector.leaks(),
    numLeaks: collector.numLeaks(),
    summary: {
      method: `texts by their words (NFKC, small letters, no punctuation); near-duplicates by MinHash over pairs of neighbouring words, verified by their Jaccard similarity of at least ${MIN_SIMILARITY}`,
      settings: {
        bands: NUM_BANDS,
        rowsPerBand: ROWS_PER_BAND,
        wordsPerShingle: WORDS_PER_SHINGLE,
        minShingles: MIN_SHINGLES,
        minSimilarity: MIN_SIMILARITY,
      },
      compared: { train: collector.numCompared, eval: texts.length },
      withoutWords: { train: collector.numWithoutWords, eval: numWithoutWords },
      yields: collector.yields(),
      matrix: collector.matrix(),
      alike: collector.alike(),
    },
  };
}

const SCENES_PER_REPORT = 1000;

/** The scenes of one side, split by split in the order of `related`, with the numbers their pictures have there. */
async function* scenesOf(
  { progress = silentProgress, related, signal, splits }: TextSearch,
  role: "train" | "eval",
): AsyncGenerator<{ head: SceneHead; scene: TextScene }> {
  let firstOfSplit = 0;
  for (const [source, of] of related.splits.entries()) {
    const split = splits.find(
      (given) => given.set === of.set && given.setDigest === of.digest && given.split === of.split,
    );
    let firstPicture = firstOfSplit;
    firstOfSplit += of.pictures;
    if (split === undefined || of.role !== role) continue;
    let done = 0;
    for await (const head of split.heads) {
      signal?.throwIfAborted();
      const { pictures, sceneKey } = head;
      const numbers = pictures.map((_, index) => firstPicture + index);
      yield { head, scene: { source, sceneKey, pictures: numbers } };
      firstPicture += pictures.length;
      done += 1;
      if (done % SCENES_PER_REPORT === 0) {
        progress.report({ activity: `texts of ${of.set}/${of.split}`, done, unit: "scenes" });
      }
    }
  }
}
