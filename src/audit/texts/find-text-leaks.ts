import { silentProgress, type Progress } from "../../core/progress.ts";
import type { SceneHead } from "../../core/records.ts";
import type { RelatedSplit, RelatedSplits } from "../relate-splits.ts";
import type { HitScene, TextHits, TextMemory, TextShard } from "../text-memory/text-hits.ts";
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
  /** What is known of training shards from before, and where what is found goes. */
  readonly memory?: TextMemory | undefined;
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
  for (const split of splitsOf(search, "eval")) {
    for await (const { head, scene } of scenesOf(split, search)) {
      numWithoutWords += head.texts.filter((text) => !texts.add(scene, text)).length;
    }
  }
  texts.seal();
  const collector = new TextLeakCollector(texts, search);
  const evaluated = search.memory === undefined ? "" : texts.digest();
  for (const split of splitsOf(search, "train")) {
    await checkSplit(split, { collector, evaluated }, search);
  }
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

/** A split of one side, with the number of its first picture and of itself. */
interface SideSplit {
  readonly source: number;
  readonly of: RelatedSplit;
  readonly firstPicture: number;
  readonly heads: AsyncIterable<SceneHead>;
}

/** The splits of one side in the order of `related`. */
function* splitsOf({ related, splits }: TextSearch, role: "train" | "eval"): Generator<SideSplit> {
  let firstOfSplit = 0;
  for (const [source, of] of related.splits.entries()) {
    const split = splits.find(
      (given) => given.set === of.set && given.setDigest === of.digest && given.split === of.split,
    );
    const firstPicture = firstOfSplit;
    firstOfSplit += of.pictures;
    if (split !== undefined && of.role === role) {
      yield { source, of, firstPicture, heads: split.heads };
    }
  }
}

const SCENES_PER_REPORT = 1000;

/** The scenes of a split, or of a part of one, with the numbers their pictures have in `related`. */
async function* scenesOf(
  { firstPicture, heads, of, source }: SideSplit,
  { progress = silentProgress, signal }: TextSearch,
): AsyncGenerator<{ head: SceneHead; scene: TextScene }> {
  let next = firstPicture;
  let done = 0;
  for await (const head of heads) {
    signal?.throwIfAborted();
    yield { head, scene: textScene(head, { source, firstPicture: next }) };
    next += head.pictures.length;
    done += 1;
    if (done % SCENES_PER_REPORT === 0) {
      progress.report({ activity: `texts of ${of.set}/${of.split}`, done, unit: "scenes" });
    }
  }
}

function textScene(
  { pictures, sceneKey }: SceneHead,
  { firstPicture, source }: Pick<SideSplit, "firstPicture" | "source">,
): TextScene {
  return { source, sceneKey, pictures: pictures.map((_, index) => firstPicture + index) };
}

/** Looks at the texts of a training split; of its shards that were looked at before, at those with a hit. */
async function checkSplit(
  split: SideSplit,
  { collector, evaluated }: { readonly collector: TextLeakCollector; readonly evaluated: string },
  search: TextSearch,
): Promise<void> {
  const { memory } = search;
  if (memory === undefined) {
    for await (const { head, scene } of scenesOf(split, search)) collector.check(head, scene);
    return;
  }
  let { firstPicture } = split;
  for (const shard of memory.shardsOf(split.of)) {
    search.signal?.throwIfAborted();
    const known = await memory.read(shard.sha256, evaluated);
    const part = { ...split, firstPicture, heads: shard.heads() };
    const hits = known ?? (await checkShard(part, collector, search));
    firstPicture += hits.numPictures;
    if (known === undefined) await memory.write(shard.sha256, evaluated, hits);
    else await checkHits({ ...part, shard, hits }, collector);
  }
}

/** Looks at all texts of a shard. */
async function checkShard(
  shard: SideSplit,
  collector: TextLeakCollector,
  search: TextSearch,
): Promise<TextHits> {
  const before = { compared: collector.numCompared, withoutWords: collector.numWithoutWords };
  const scenes: HitScene[] = [];
  let [sceneIndex, numPictures, numLike] = [0, 0, 0];
  for await (const { head, scene } of scenesOf(shard, search)) {
    const texts = collector.check(head, scene);
    if (texts.length > 0) scenes.push({ scene: sceneIndex, firstPicture: numPictures, texts });
    numLike += texts.length;
    numPictures += head.pictures.length;
    sceneIndex += 1;
  }
  return {
    numPictures,
    numUnlike: collector.numCompared - before.compared - numLike,
    numWithoutWords: collector.numWithoutWords - before.withoutWords,
    scenes,
  };
}

/** Looks once more at those texts of a shard that are like others: what these are to an audit depends on all of its pictures. */
async function checkHits(
  {
    firstPicture,
    hits,
    shard,
    source,
  }: SideSplit & { readonly hits: TextHits; readonly shard: TextShard },
  collector: TextLeakCollector,
): Promise<void> {
  collector.addUnlike(hits);
  for (const hit of hits.scenes) {
    const head = await shard.head(hit.scene);
    const scene = textScene(head, { source, firstPicture: firstPicture + hit.firstPicture });
    collector.check({ texts: hit.texts.flatMap((index) => head.texts[index] ?? []) }, scene);
  }
}
