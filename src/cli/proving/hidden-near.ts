import { strict as assert } from "node:assert";
import type { HashesFile } from "../../audit/hidden/hashes-file.ts";
import { hiddenRecord, hiddenSource } from "../../audit/hidden/hidden-records.ts";
import {
  hiddenKey,
  hiddenScene,
  hiddenSetName,
  HIDDEN_SPLIT,
} from "../../audit/hidden/hidden-split.ts";
import { type HiddenCandidate, withHiddenSuspects } from "../../audit/hidden/hidden-suspects.ts";
import { findCandidates } from "../../audit/near/find-candidates.ts";
import type { NearFindings } from "../../audit/near/near-findings.ts";
import { nearSettings, trainingKind } from "../../audit/near/near-settings.ts";
import { RecordSide } from "../../audit/near/record-side.ts";
import type { PicturePlace } from "../../audit/verdict.ts";
import { listingOf } from "../../shards/reading/listed-set.ts";
import type { NearChoice, OpenedSet } from "../auditing/near-audit.ts";
import { NearCache } from "../auditing/near-cache.ts";
import { pictureAt, type StoredSide } from "../auditing/near-comparison.ts";
import { comparedShards, makeRecords, recordSource } from "../auditing/near-records.ts";
import { NearThreads } from "../auditing/near-threads.ts";
import type { CommandContext } from "../frame.ts";

export interface HiddenNear {
  readonly sets: readonly OpenedSet[];
  readonly hidden: readonly HashesFile[];
  readonly choice: NearChoice;
  /** What was found between the sets themselves, where some of them are evaluated on. */
  readonly found: NearFindings | undefined;
}

/** Looks for training pictures whose hashes are like those of hidden test sets; all of them are suspects. */
export async function findHiddenSuspects(
  { choice, found, hidden, sets }: HiddenNear,
  { progress, signal }: Omit<CommandContext, "json">,
): Promise<NearFindings> {
  const shards = comparedShards(sets.map(({ index }) => index)).filter(
    ({ role }) => role === "train",
  );
  const settings = nearSettings(numTraining(sets), choice);
  const kind = trainingKind(settings);
  const listings = sets.map(({ index, location }) => listingOf(location, index));
  await using threads = new NearThreads({ listings }, { signal });
  const making = { cache: new NearCache(signal), threads, progress, signal };
  await makeRecords(
    shards.map((shard) => ({ shard, kind })),
    making,
  );
  const flat = { train: 0, eval: 0 };
  const records = await RecordSide.open(recordSource(shards, kind, making), (side, row) => {
    if (!side.isComparable(row)) flat.train += 1;
  });
  const train = { records, shards };
  const candidates: HiddenCandidate[] = [];
  let numUncompared = 0;
  for (const file of hidden) {
    const side = await RecordSide.open(recordsOf(file), (rows, row) => {
      if (!rows.isComparable(row)) flat.eval += 1;
    });
    const near = await findCandidates({ train: records, eval: side, settings }, making);
    numUncompared += near.numUncompared;
    for (const candidate of near.candidates) {
      const place = await placeOf(sets, train, candidate.train);
      candidates.push({ candidate, train: place, eval: hiddenPlace(file, candidate.eval) });
    }
  }
  const pictures = hidden.flatMap((file) => file.pictures);
  const numWithoutHashes = pictures.filter(({ views }) => views === null).length;
  const hashed = { train: records.numPictures, eval: pictures.length };
  const scope = { settings, hashed, notComparable: flat, numWithoutHashes, numUncompared };
  return withHiddenSuspects(found, { candidates, ...scope });
}

function numTraining(sets: readonly OpenedSet[]): number {
  return sets
    .flatMap(({ index }) => index.splits)
    .reduce((sum, { numPictures, role }) => sum + (role === "train" ? numPictures : 0), 0);
}

function recordsOf({ pictures }: HashesFile): ReturnType<typeof hiddenSource> {
  const records = pictures.map(({ names, views }, row) => {
    const [pixels = `row ${row}`] = names.pixels;
    return hiddenRecord(row, { pixels, views });
  });
  return hiddenSource(records);
}

function hiddenPlace(file: HashesFile, row: number): PicturePlace {
  const set = hiddenSetName(file);
  return { set, split: HIDDEN_SPLIT, sceneKey: hiddenScene(row), picture: hiddenKey(file, row) };
}

async function placeOf(
  sets: readonly OpenedSet[],
  side: StoredSide,
  picture: number,
): Promise<PicturePlace> {
  const { pictureIndex, sceneIndex, setIndex, shard, split } = await pictureAt(side, picture);
  const head = await sets[setIndex]?.reader.split(split).head(sceneIndex);
  const found = head?.pictures[pictureIndex];
  assert(head !== undefined && found !== undefined, "a picture that was hashed");
  return { set: shard.set, split, sceneKey: head.sceneKey, picture: found.key };
}
