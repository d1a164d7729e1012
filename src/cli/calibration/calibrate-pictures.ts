import { strict as assert } from "node:assert";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CalibrationCounts,
  type CalibrationPictures,
  type DistanceCounts,
  type DistanceFigures,
  type NamedPair,
} from "../../audit/calibration/calibration.ts";
import {
  comparableHashes,
  distancesBetween,
  type PictureViews,
} from "../../audit/calibration/null-distances.ts";
import {
  chosenDistance,
  type PairToLookAt,
  type PlantedCounts,
  PlantedFindings,
  type PlantedPair,
} from "../../audit/calibration/planted-counts.ts";
import type { NearFindings } from "../../audit/near/near-findings.ts";
import {
  nearSettings,
  type NearSettings,
  type RecordKind,
  settingsForVerdict,
  trainingKind,
} from "../../audit/near/near-settings.ts";
import { PictureRecords } from "../../audit/near/picture-records.ts";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { readRecipe } from "../../ingest/recipe.ts";
import { SUITE_VERSION, type Transform, transforms } from "../../pixels/planting/transforms.ts";
import type { ShardSetIndex } from "../../shards/shard-set-index.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import { auditNear, type NearChoice } from "../auditing/near-audit.ts";
import { NearCache } from "../auditing/near-cache.ts";
import type { CommandContext } from "../frame.ts";
import { drawPictures, type DrawnPictures, type OwnPicture } from "./own-pictures.ts";
import { numberOfKey, plantedSplits, writePlantedSet } from "./planted-set.ts";

export interface CalibrationCall {
  /** Folders of pictures, and shard sets. */
  readonly sources: readonly string[];
  readonly numPictures: number;
  readonly seed: number;
  readonly choice: NearChoice;
  /** The whole suite unless given. */
  readonly suite?: readonly Transform[] | undefined;
}

export interface MeasuredCalibration {
  readonly counts: CalibrationCounts;
  readonly drawn: DrawnPictures;
}

/** Pairs to look at that are named. */
const MAX_LISTED = 100;
/** Pictures whose distances from each other are all measured. */
const MAX_COMPARED = 1000;
const LISTED_DISTANCES = [0, 8, 16, 24, 31, 40, 48];

/**
 * Measures what an audit with these settings finds of copies that are planted of the user's own pictures, and what it
 * takes for copies that are none: the copies are prepared, hashed, searched and verified by what prepare and audit run.
 * The same pictures, seed and settings give the same counts. Errors as of `drawPictures`.
 */
export async function calibratePictures(
  { choice, numPictures, seed, sources, suite = transforms }: CalibrationCall,
  context: Pick<CommandContext, "progress" | "signal">,
): Promise<MeasuredCalibration> {
  const { pictures: policy } = await readRecipe("coco");
  const drawn = await drawPictures(sources, { numPictures, seed, policy }, context);
  const folder = await mkdtemp(join(tmpdir(), "crossweave-calibration-"));
  try {
    const set = join(folder, "set");
    const options = { seed, policy, transforms: suite, ...context };
    const firstEqual = await writePlantedSet(set, drawn.pictures, options);
    const audited = await auditPlanted({ set, cacheAt: join(folder, "cache"), choice }, context);
    const findings = new PlantedFindings(
      {
        transforms: suite.map(({ name }) => name),
        comparable: audited.views.map(({ asEvaluated }) => asEvaluated.length > 0),
        firstEqual,
      },
      pairsOf(audited.findings),
    );
    return { counts: countsOf({ seed, drawn, findings, audited }), drawn };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface AuditedPlants {
  readonly settings: NearSettings;
  readonly findings: NearFindings;
  /** Of each picture. */
  readonly views: readonly PictureViews[];
}

async function auditPlanted(
  { cacheAt, choice, set }: { set: string; cacheAt: string; choice: NearChoice },
  context: Pick<CommandContext, "progress" | "signal">,
): Promise<AuditedPlants> {
  await using reader = await ShardSetReader.open(set);
  const { index } = reader;
  const numTraining = index.splits
    .filter(({ role }) => role === "train")
    .reduce((sum, split) => sum + split.numPictures, 0);
  const settings = nearSettings(numTraining, choice);
  const sets = [{ location: set, reader, index }];
  const { findings } = await auditNear(sets, { choice, cacheAt, ...context });
  const cache = new NearCache(context.signal, cacheAt);
  const asEvaluated = await hashesOf(
    index,
    { split: plantedSplits.evaluated, kind: "bank" },
    cache,
  );
  const kind = trainingKind(settings);
  const asTrained = await hashesOf(index, { split: plantedSplits.trained, kind }, cache);
  const views = asEvaluated.map((hashes, at) => ({
    asEvaluated: hashes,
    asTrained: asTrained[at] ?? [],
  }));
  return { settings, findings, views };
}

/** The comparable hashes of each picture of a split, as the audit has kept them. */
async function hashesOf(
  index: ShardSetIndex,
  { kind, split }: { readonly split: string; readonly kind: RecordKind },
  cache: NearCache,
): Promise<(readonly Uint8Array[])[]> {
  const hashes: (readonly Uint8Array[])[] = [];
  const shards = index.splits.find(({ name }) => name === split)?.shards ?? [];
  for (const shard of shards) {
    const bytes = await cache.readRecords(shard.sha256, kind);
    assert(bytes !== undefined, "records that the audit has just written");
    const records = new PictureRecords(kind, bytes);
    for (let row = 0; row < records.numPictures; row += 1) {
      hashes.push(comparableHashes(records, row));
    }
  }
  return hashes;
}

function pairsOf({ suspects, verified }: NearFindings): readonly PlantedPair[] {
  return [
    ...verified.map((pair) => ({ ...pair, isVerified: true })),
    ...suspects.map((pair) => ({ ...pair, isVerified: false })),
  ].map(({ isVerified, near, train, eval: evaluated }) => ({
    copy: numberOfKey(train.picture),
    onto: numberOfKey(evaluated.picture),
    near,
    isVerified,
  }));
}

function countsOf({
  audited,
  drawn,
  findings,
  seed,
}: {
  readonly seed: number;
  readonly drawn: DrawnPictures;
  readonly findings: PlantedFindings;
  readonly audited: AuditedPlants;
}): CalibrationCounts {
  const { settings, views } = audited;
  const distance = chosenDistance(findings, settings.wholeDistance);
  const { toLookAt } = findings;
  return {
    seed,
    suiteVersion: SUITE_VERSION,
    settings: settingsForVerdict({
      ...settings,
      wholeDistance: distance,
      windowDistance: distance,
    }),
    pictures: picturesJson(drawn, views),
    ...findings.within(distance),
    distances: nullDistances(views, toLookAt),
    byDistance: [...new Set([...LISTED_DISTANCES, settings.wholeDistance])]
      .filter((bits) => bits <= settings.wholeDistance)
      .toSorted((one, other) => one - other)
      .map((bits) => figuresWithin(bits, findings.within(bits))),
    numToLookAt: toLookAt.length,
    toLookAt: toLookAt.slice(0, MAX_LISTED).map((pair) => namedPair(pair, drawn.pictures)),
  };
}

function picturesJson(
  { numOffered, pictures, repeated, unreadable }: DrawnPictures,
  views: readonly PictureViews[],
): CalibrationPictures {
  const digests = pictures.map(({ picture }) => picture.sourceSha256).toSorted();
  return {
    sha256: sha256(canonicalJson(digests)),
    offered: numOffered,
    drawn: pictures.length,
    notComparable: views.filter(({ asEvaluated }) => asEvaluated.length === 0).length,
    unreadable: unreadable.length,
    repeated: repeated.length,
  };
}

function nullDistances(
  views: readonly PictureViews[],
  toLookAt: readonly PairToLookAt[],
): DistanceCounts {
  const alike = new Set(toLookAt.map(({ one, other }) => `${one} ${other}`));
  const compared = views.flatMap(({ asEvaluated }, picture) =>
    asEvaluated.length > 0 ? [picture] : [],
  );
  const first = compared.slice(0, MAX_COMPARED);
  return distancesBetween(
    first.flatMap((picture) => views[picture] ?? []),
    (one, other) => !alike.has(`${first[one]} ${first[other]}`),
  );
}

function figuresWithin(
  distance: number,
  { different, transforms: counted }: PlantedCounts,
): DistanceFigures {
  return {
    distance,
    found: counted.reduce((sum, { found }) => sum + found, 0),
    copiesVerified: counted.reduce((sum, { verified }) => sum + verified, 0),
    ...different,
  };
}

function namedPair({ near, one, other }: PairToLookAt, pictures: readonly OwnPicture[]): NamedPair {
  return {
    one: pictures[one]?.name ?? "",
    other: pictures[other]?.name ?? "",
    distanceBits: near.distanceBits,
    correlation: near.correlation ?? 0,
    agreement: near.agreement ?? 0,
  };
}
