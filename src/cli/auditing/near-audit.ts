import { strict as assert } from "node:assert";
import { calibrated, requireSameMethod } from "../../audit/calibration/calibrated-findings.ts";
import type { Calibration } from "../../audit/calibration/calibration-file.ts";
import type { HashOfPicture } from "../../audit/listing/picture-listing.ts";
import { findCandidates } from "../../audit/near/find-candidates.ts";
import {
  type ComparedCandidate,
  nearFindings,
  type NearFindings,
  type PixelScore,
} from "../../audit/near/near-findings.ts";
import {
  type NearSettings,
  nearSettings,
  type RecordKind,
  settingsForVerdict,
  trainingKind,
} from "../../audit/near/near-settings.ts";
import { PictureRecords } from "../../audit/near/picture-records.ts";
import { RecordSide } from "../../audit/near/record-side.ts";
import type { PicturePlace } from "../../audit/verdict.ts";
import type { Progress } from "../../core/progress.ts";
import type { SplitRole } from "../../core/records.ts";
import { listingOf } from "../../shards/reading/listed-set.ts";
import type { ShardSetIndex } from "../../shards/shard-set-index.ts";
import type { ShardSetReader } from "../../shards/shard-set-reader.ts";
import { NearCache } from "./near-cache.ts";
import { candidateMemory } from "./near-memory.ts";
import {
  comparePairs,
  type FoundPair,
  type FoundPicture,
  pictureAt,
  type StoredSide,
} from "./near-comparison.ts";
import {
  type ComparedShard,
  comparedShards,
  makeRecords,
  type RecordMaking,
  recordSource,
} from "./near-records.ts";
import { NearThreads } from "./near-threads.ts";

/** How near-duplicates are looked for, as far as the command line says. */
export interface NearChoice {
  readonly windows?: "eval" | "both" | undefined;
  readonly distance?: number | undefined;
}

export interface OpenedSet {
  readonly location: string;
  readonly reader: ShardSetReader;
  /** Its index, with the roles that the audit gives to its splits. */
  readonly index: ShardSetIndex;
}

export interface NearOptions {
  readonly choice: NearChoice;
  /** What was measured of the search; it must have been measured with the audit's settings. */
  readonly calibration?: Calibration | undefined;
  /** Where what is computed is kept; in the cache folder unless given. */
  readonly cacheAt?: string | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface NearAudit {
  readonly findings: NearFindings;
  /** The perceptual hashes of a shard's pictures, where they say something. */
  readonly hashesOf: (at: ShardAt) => Promise<HashOfPicture>;
}

interface ShardAt {
  readonly setIndex: number;
  readonly split: string;
  /** In the split. */
  readonly shardIndex: number;
}

/** Pictures that are named of those that hashes cannot compare. */
const MAX_LISTED = 100;

/**
 * Looks for near-duplicates between all training and all evaluation pictures of the sets. What was computed of a shard
 * before, by an audit that was interrupted or of other sets, is not computed again; the findings are the same.
 * Throws ShardError when a shard is damaged, RefusedError when the cache cannot be written, ConfigError when the
 * calibration is of other settings.
 */
export async function auditNear(
  sets: readonly OpenedSet[],
  { cacheAt, calibration, choice, progress, signal }: NearOptions,
): Promise<NearAudit> {
  const indexes = sets.map(({ index }) => index);
  const shards = comparedShards(indexes);
  const numTraining = indexes
    .flatMap(({ splits }) => splits)
    .reduce((sum, { role, numPictures }) => sum + (role === "train" ? numPictures : 0), 0);
  const settings = nearSettings(numTraining, choice);
  if (calibration !== undefined) requireSameMethod(calibration, settingsForVerdict(settings));
  const listings = sets.map(({ index, location }) => listingOf(location, index));
  await using threads = new NearThreads({ listings }, { signal });
  const making = { cache: new NearCache(signal, cacheAt), threads, progress, signal };
  await makeRecords(
    shards.map((shard) => ({ shard, kind: kindOf(shard.role, settings) })),
    making,
  );
  const findings = await findNear({ sets, shards, settings }, making);
  return {
    findings: calibration === undefined ? findings : calibrated(findings, calibration),
    hashesOf: (at) => hashesOf({ shards, settings, at }, making),
  };
}

function kindOf(role: SplitRole, settings: NearSettings): RecordKind {
  return role === "eval" ? "bank" : trainingKind(settings);
}

interface NearWork {
  readonly sets: readonly OpenedSet[];
  readonly shards: readonly ComparedShard[];
  readonly settings: NearSettings;
}

async function findNear(work: NearWork, making: RecordMaking): Promise<NearFindings> {
  const { settings } = work;
  const train = await openSide(work, "train", making);
  const evaluated = await openSide(work, "eval", making);
  const { candidates, numUncompared } = await findCandidates(
    { train: train.records, eval: evaluated.records, settings },
    { ...making, memory: candidateMemory({ train, eval: evaluated, settings }, making.cache) },
  );
  const pairs: FoundPair[] = [];
  for (const candidate of candidates) {
    const [of, onto] = [
      await pictureAt(train, candidate.train),
      await pictureAt(evaluated, candidate.eval),
    ];
    pairs.push({ candidate, train: of, eval: onto });
  }
  const scores = await comparePairs(pairs, making);
  const listed = [...train.listed, ...evaluated.listed].slice(0, MAX_LISTED);
  return nearFindings(await placed(work, pairs, scores), {
    settings,
    hashed: { train: train.records.numPictures, eval: evaluated.records.numPictures },
    notComparable: { train: train.numNotComparable, eval: evaluated.numNotComparable },
    listedNotComparable: await Promise.all(listed.map((picture) => placeOf(work, picture))),
    numUncompared,
  });
}

/** A side with its pictures that hashes cannot compare, of which the first are named. */
interface OpenedSide extends StoredSide {
  readonly numNotComparable: number;
  readonly listed: readonly FoundPicture[];
}

async function openSide(
  { shards, settings }: NearWork,
  role: SplitRole,
  making: RecordMaking,
): Promise<OpenedSide> {
  const ofRole = shards.filter((shard) => shard.role === role);
  const flat: number[] = [];
  let numNotComparable = 0;
  const source = recordSource(ofRole, kindOf(role, settings), making);
  const records = await RecordSide.open(source, (found, row, picture) => {
    if (found.isComparable(row)) return;
    numNotComparable += 1;
    if (flat.length < MAX_LISTED) flat.push(picture);
  });
  const side = { records, shards: ofRole };
  const listed: FoundPicture[] = [];
  for (const picture of flat) listed.push(await pictureAt(side, picture));
  return { ...side, numNotComparable, listed };
}

async function placed(
  work: NearWork,
  pairs: readonly FoundPair[],
  scores: readonly PixelScore[],
): Promise<readonly ComparedCandidate[]> {
  const compared: ComparedCandidate[] = [];
  for (const [at, { candidate, train, eval: evaluated }] of pairs.entries()) {
    const score = scores[at];
    assert(score !== undefined, "every pair has been compared");
    compared.push({
      candidate,
      score,
      train: await placeOf(work, train),
      eval: await placeOf(work, evaluated),
    });
  }
  return compared;
}

async function placeOf({ sets }: NearWork, found: FoundPicture): Promise<PicturePlace> {
  const { setIndex, split, sceneIndex, pictureIndex, shard } = found;
  const head = await sets[setIndex]?.reader.split(split).head(sceneIndex);
  const picture = head?.pictures[pictureIndex];
  assert(head !== undefined && picture !== undefined, "a picture that was hashed");
  return { set: shard.set, split, sceneKey: head.sceneKey, picture: picture.key };
}

async function hashesOf(
  { shards, settings, at }: Omit<NearWork, "sets"> & { readonly at: ShardAt },
  making: RecordMaking,
): Promise<HashOfPicture> {
  const ofSplit = shards.filter(
    ({ setIndex, split }) => setIndex === at.setIndex && split === at.split,
  );
  const [first] = ofSplit;
  assert(first !== undefined, "a split whose pictures were hashed");
  const kind = kindOf(first.role, settings);
  const source = recordSource(ofSplit, kind, making);
  const records = new PictureRecords(kind, await source.read(at.shardIndex));
  return (picture) => (records.isComparable(picture) ? records.hash(picture, 0) : null);
}
