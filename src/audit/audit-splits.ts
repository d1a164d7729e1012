import { canonicalJson } from "../core/digest.ts";
import { ConfigError } from "../core/errors.ts";
import type { PictureInfo } from "../core/records.ts";
import { silentProgress, type Progress } from "../core/progress.ts";
import { LeakCollector } from "./leak-collector.ts";
import { ProtectedIndex } from "./protected-index.ts";
import { leakRules } from "./rules.ts";
import type {
  AuditedSplit,
  AuditVerdict,
  CheckedSplit,
  ListingLimits,
  PicturePlace,
} from "./verdict.ts";
import { sealVerdict } from "./verdict-json.ts";

export interface AuditOptions {
  readonly progress?: Progress | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly listing?: Partial<ListingLimits> | undefined;
}

const defaultListing: ListingLimits = { maxPairs: 10_000, maxPairsPerGroup: 100, maxPartners: 10 };

/**
 * Every picture of every training split against every picture of every evaluation split, whatever set they
 * belong to. The evaluation side is held in memory, the training side streams by. The verdict does not depend
 * on the order in which the splits are given.
 *
 * Throws ConfigError when a split is given twice.
 */
export async function auditSplits(
  splits: readonly AuditedSplit[],
  options: AuditOptions = {},
): Promise<AuditVerdict> {
  const listing = { ...defaultListing, ...options.listing };
  const ordered = inFixedOrder(splits);
  const protectedIndex = new ProtectedIndex(listing.maxPartners);
  const against = await protectSplits(
    ordered.filter(({ role }) => role === "eval"),
    protectedIndex,
    options,
  );
  const collector = new LeakCollector(protectedIndex, listing);
  const training = await checkSplits(
    ordered.filter(({ role }) => role === "train"),
    collector,
    options,
  );
  const hits = protectedIndex.countHits(against.length);
  return concludeVerdict(collector, {
    training,
    against: against.map(({ set, split, digest, pictures }, index) => ({
      set,
      split,
      digest,
      pictures,
      leaked: hits[index] ?? 0,
    })),
    listing,
  });
}

type ReadSplit = Omit<CheckedSplit, "leaked">;

async function protectSplits(
  splits: readonly AuditedSplit[],
  protectedIndex: ProtectedIndex,
  options: AuditOptions,
): Promise<readonly ReadSplit[]> {
  const checked: ReadSplit[] = [];
  for (const [splitIndex, split] of splits.entries()) {
    let pictures = 0;
    for await (const { picture, place } of picturesOf(split, options)) {
      protectedIndex.add(picture, place, splitIndex);
      pictures += 1;
    }
    checked.push({ ...nameOf(split), pictures });
  }
  return checked;
}

async function checkSplits(
  splits: readonly AuditedSplit[],
  collector: LeakCollector,
  options: AuditOptions,
): Promise<readonly CheckedSplit[]> {
  const checked: CheckedSplit[] = [];
  for (const split of splits) {
    let pictures = 0;
    let leaked = 0;
    for await (const { picture, place } of picturesOf(split, options)) {
      pictures += 1;
      if (collector.check(picture, place)) leaked += 1;
    }
    checked.push({ ...nameOf(split), pictures, leaked });
  }
  return checked;
}

const PICTURES_PER_REPORT = 1000;

async function* picturesOf(
  audited: AuditedSplit,
  options: AuditOptions,
): AsyncGenerator<{ picture: PictureInfo; place: PicturePlace }> {
  const { set, split, numPictures: total } = audited;
  const { progress = silentProgress, signal } = options;
  let done = 0;
  for await (const { sceneKey, pictures } of audited.heads) {
    signal?.throwIfAborted();
    for (const picture of pictures) {
      yield { picture, place: { set, split, sceneKey, picture: picture.key } };
      done += 1;
      if (done % PICTURES_PER_REPORT === 0) {
        progress.report({ activity: `audit ${set}/${split}`, done, total, unit: "pictures" });
      }
    }
  }
}

function nameOf({ set, setDigest, split }: AuditedSplit): Omit<ReadSplit, "pictures"> {
  return { set, split, digest: setDigest };
}

function concludeVerdict(
  collector: LeakCollector,
  found: {
    training: readonly CheckedSplit[];
    against: readonly CheckedSplit[];
    listing: ListingLimits;
  },
): AuditVerdict {
  const { training, against, listing } = found;
  const checked = {
    train: countPictures(training),
    eval: countPictures(against),
    rules: leakRules,
    training,
    against,
    through: [],
  };
  const exclusions = collector.exclusions();
  const outcome = outcomeOf(checked, exclusions.length);
  return sealVerdict({
    outcome,
    clean: outcome === "clean",
    leaks: collector.leaks,
    numPairs: collector.leaks.length,
    kinds: [],
    suspects: [],
    numSuspects: 0,
    textLeaks: [],
    numTextLeaks: 0,
    near: null,
    policy: null,
    checked,
    yields: collector.yields(),
    listing,
    exclusions,
  });
}

function outcomeOf(
  checked: Pick<AuditVerdict["checked"], "train" | "eval">,
  numExclusions: number,
): AuditVerdict["outcome"] {
  if (checked.train === 0 || checked.eval === 0) return "unchecked";
  return numExclusions === 0 ? "clean" : "leaking";
}

function countPictures(splits: readonly CheckedSplit[]): number {
  return splits.reduce((sum, { pictures }) => sum + pictures, 0);
}

/** Splits by set, digest and name, so that the order on the command line changes nothing. */
function inFixedOrder(splits: readonly AuditedSplit[]): readonly AuditedSplit[] {
  const byIdentity = new Map<string, AuditedSplit>();
  for (const split of splits) {
    const identity = canonicalJson([split.set, split.setDigest, split.split]);
    if (byIdentity.has(identity)) {
      throw new ConfigError(
        `split "${split.split}" of shard set "${split.set}" (${split.setDigest}) is given twice`,
        { remedy: "name each shard set once" },
      );
    }
    byIdentity.set(identity, split);
  }
  return [...byIdentity].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, split]) => split);
}
