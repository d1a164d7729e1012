import { ConfigError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { matchingAccuracy, type MatchingResult } from "../../eval/matching.ts";
import { evaluateRetrieval, type RetrievalResult } from "../../eval/retrieval.ts";
import { evaluationPairs } from "../../loader/evaluation.ts";
import { ShardSetReader, type SplitReader } from "../../shards/shard-set-reader.ts";
import { loadRunModel } from "../../train/run/load-model.ts";
import type { RunRecord } from "../../train/run/run-record.ts";

export interface RetrievalCall {
  /** The run's folder. */
  readonly run: string;
  /** The folder of a shard set. */
  readonly data: string;
  /** Undefined: `test` where there is one, else the set's only split. */
  readonly split: string | undefined;
  /** Of the unmatched texts and of the examples; the run's unless given. */
  readonly seed?: number | undefined;
}

/** Retrieval and image-text matching on one split, with what names both sides. */
export interface RunRetrieval {
  readonly record: RunRecord;
  readonly step: number;
  readonly seed: number;
  readonly set: { readonly name: string; readonly digest: string };
  readonly split: { readonly name: string; readonly role: string };
  readonly retrieval: RetrievalResult;
  readonly matching: MatchingResult;
}

/** The pairs whose matching is judged, whatever the run was trained with: as Visual Parsing and SOHO pair (section 4.1 of both). */
const JUDGED_PAIRS = { kind: "matched-unmatched", matched: 2, unmatched: 2 } as const;

/** Evaluates a run's newest checkpoint on a split. */
export async function evaluateRun(
  call: RetrievalCall,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<RunRetrieval> {
  const model = await loadRunModel(call.run);
  await using reader = await ShardSetReader.open(call.data);
  const split = reader.split(call.split ?? defaultSplit(reader));
  const { data, seed: runSeed } = model.record.recipe;
  const seed = call.seed ?? runSeed;
  const shared = {
    tokenizer: model.tokenizer,
    maxTextTokens: data.maxTextTokens,
    signal: context.signal,
  };
  const retrieval = await evaluateRetrieval({
    ...context,
    ...shared,
    model,
    split,
    pictures: model.batches.pictures,
    ...(model.batches.regions && { regions: model.batches.regions }),
  });
  const pairs = evaluationPairs(split, {
    ...shared,
    seed,
    pairing: JUDGED_PAIRS,
  });
  const rowOf = await textRows(split);
  return {
    record: model.record,
    step: model.step,
    seed,
    set: { name: reader.index.name, digest: reader.index.digest },
    split: { name: split.name, role: split.role },
    retrieval,
    matching: await matchingAccuracy(pairs, retrieval.matrix, ({ text }) =>
      rowOf(text.sceneIndex, text.text.id),
    ),
  };
}

/** `test` where there is one, else the set's only split; ConfigError where there are others. */
export function defaultSplit(reader: ShardSetReader): string {
  const names = reader.index.splits.map(({ name }) => name);
  const [only, second] = names;
  if (names.includes("test")) return "test";
  if (only !== undefined && second === undefined) return only;
  throw new ConfigError(`the set has the splits ${names.join(", ")}`, {
    remedy: "name one with --split",
  });
}

/** Finds a text's row in the score matrix. */
async function textRows(split: SplitReader): Promise<(scene: number, id: string) => number> {
  const rows = new Map<string, number>();
  for (let scene = 0; scene < split.numScenes; scene += 1) {
    const { texts } = await split.head(scene);
    for (const { id } of texts) rows.set(`${scene} ${id}`, rows.size);
  }
  return (scene, id) => rows.get(`${scene} ${id}`) ?? -1;
}
