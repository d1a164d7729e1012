import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ShardError } from "../../core/errors.ts";
import { type Progress, silentProgress } from "../../core/progress.ts";
import { readBoundProof } from "../audited/bound-proof.ts";
import { croissantText } from "../croissant.ts";
import {
  CROISSANT_FILE,
  INDEX_FILE,
  indexText,
  LEDGER_FILE,
  misplacedFiles,
  PROOF_FILE,
  readIndex,
  readSetText,
  type ShardSetIndex,
  type SplitEntry,
  UNFINISHED_FOLDER,
} from "../shard-set-index.ts";
import { isRemote } from "../remote/location.ts";
import { storageOf } from "../reading/listed-set.ts";
import { type CheckedCounts, FaultList, type ValidationFault } from "./faults.ts";
import { checkLedger } from "./ledger-check.ts";
import { RegionCheck } from "./region-check.ts";
import {
  type CheckContext,
  type CheckedDigests,
  type PictureDecoder,
  ShardCheck,
} from "./shard-check.ts";

export interface ValidationOptions {
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** Decodes every picture too when given. */
  readonly decode?: PictureDecoder;
  /** Every digest unless "files" is given: then each byte is hashed once, and no picture is decoded. */
  readonly digests?: CheckedDigests;
  /** How many faults are listed; all are counted. */
  readonly maxListedFaults?: number;
}

export interface ValidationReport {
  readonly folder: string;
  /** Null when the index cannot be read. */
  readonly name: string | null;
  readonly digest: string | null;
  readonly isValid: boolean;
  readonly numFaults: number;
  /** All files that have faults, in the order in which they were found. */
  readonly faultyFiles: readonly string[];
  /** The first of the faults. */
  readonly faults: readonly ValidationFault[];
  readonly checked: Readonly<CheckedCounts>;
}

const MAX_LISTED_FAULTS = 100;

/**
 * Checks every byte and every count of a shard set against its index, in one pass over the files and
 * with one batch in memory. Throws `SourceError` when the folder holds no finished set; whatever is
 * damaged is in the report.
 */
export async function validateShardSet(
  folder: string,
  options: ValidationOptions = {},
): Promise<ValidationReport> {
  const faults = new FaultList(options.maxListedFaults ?? MAX_LISTED_FAULTS);
  const checked = noCounts();
  const index = await indexOrFault(folder, faults);
  if (index !== undefined) await checkSet(index, { folder, faults, checked, options });
  return {
    folder,
    name: index?.name ?? null,
    digest: index?.digest ?? null,
    isValid: faults.numFaults === 0,
    numFaults: faults.numFaults,
    faultyFiles: [...faults.files],
    faults: faults.listed,
    checked,
  };
}

interface SetCheck {
  readonly folder: string;
  readonly faults: FaultList;
  readonly checked: CheckedCounts;
  readonly options: ValidationOptions;
}

async function checkSet(index: ShardSetIndex, check: SetCheck): Promise<void> {
  const { folder, faults, checked, options } = check;
  // Of a set on a server, the server's bytes are checked, not those of the cache.
  await using storage = await storageOf(folder, index);
  const { digests = "every", signal, progress = silentProgress } = options;
  const decode = digests === "every" ? options.decode : undefined;
  const total = totalBytes(index);
  let done = 0;
  const onRead = (sizeBytes: number): void => {
    done += sizeBytes;
    progress.report({ activity: `validating ${index.name}`, done, total, unit: "bytes" });
  };
  const regions = new RegionCheck();
  const shared = { storage, faults, checked, regions };
  const context: CheckContext = { ...shared, decode, digests, signal, onRead };
  await checkFolder(index, folder, faults);
  for (const split of index.splits) await checkSplit(split, context);
  await checkLedger(index, context);
}

async function indexOrFault(folder: string, faults: FaultList): Promise<ShardSetIndex | undefined> {
  try {
    return await readIndex(folder);
  } catch (error) {
    if (!(error instanceof ShardError)) throw error;
    faults.add({ file: INDEX_FILE }, error.message);
    return undefined;
  }
}

/** Every file must be listed once under its right name, and the two descriptions be what the index makes of them. */
async function checkFolder(index: ShardSetIndex, folder: string, faults: FaultList): Promise<void> {
  const shards = index.splits.flatMap((split) => split.shards.map((shard) => shard.file));
  for (const fault of misplacedFiles(index)) faults.add({ file: INDEX_FILE }, fault);
  const proof = index.proof === undefined ? [] : [PROOF_FILE];
  const listed = [INDEX_FILE, CROISSANT_FILE, LEDGER_FILE, ...proof, ...shards];
  if (!isRemote(folder)) await checkListing(folder, new Set(listed), faults);
  for (const [file, text] of [
    [INDEX_FILE, indexText(index)],
    [CROISSANT_FILE, croissantText(index)],
  ] as const) {
    const found = await readSetText(folder, file).catch(() => undefined);
    if (found === undefined) faults.add({ file }, "the file is missing or cannot be read");
    else if (found !== text) faults.add({ file }, "the file is not as it was written");
  }
  await readBoundProof(folder, index).catch((error: unknown) => {
    if (!(error instanceof ShardError)) throw error;
    faults.add({ file: PROOF_FILE }, error.message);
  });
}

async function checkListing(
  folder: string,
  listed: ReadonlySet<string>,
  faults: FaultList,
): Promise<void> {
  const splits = new Set([...listed].map((file) => dirname(file)));
  for await (const file of filesBelow(folder, "", (name) => splits.has(name))) {
    if (file.startsWith(`${UNFINISHED_FOLDER}/`) || listed.has(file)) continue;
    faults.add({ file }, "the index does not list this file");
  }
}

/** Everything below a folder but folders. Links are not followed, except those to folders that `mayLink` allows. */
async function* filesBelow(
  root: string,
  folder: string,
  mayLink: (name: string) => boolean,
): AsyncGenerator<string> {
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
    // A split's folder may be a link to another disk.
    const isLink = entry.isSymbolicLink() && mayLink(name) && (await isFolder(join(root, name)));
    if (entry.isDirectory() || isLink) yield* filesBelow(root, name, mayLink);
    else yield name;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function checkSplit(split: SplitEntry, context: CheckContext): Promise<void> {
  const { name, role } = split;
  const underCheck = { name, role, sceneKeys: new Set<string>() };
  const { checked, faults } = context;
  const before = { ...checked };
  const numFaultsBefore = faults.numFaults;
  for (const shard of split.shards) {
    const sum = shard.batches.reduce((total, batch) => total + batch.numScenes, 0);
    if (sum !== shard.numScenes) {
      const message = `its batches hold ${sum} scenes, the index gives it ${shard.numScenes}`;
      faults.add({ file: shard.file }, message);
    }
    await new ShardCheck(context, shard, underCheck).run();
  }
  // Counts of a damaged split differ because of the damage, which is listed already.
  if (faults.numFaults > numFaultsBefore) return;
  for (const count of ["numScenes", "numPictures", "numTexts"] as const) {
    const found = checked[count] - before[count];
    if (found === split[count]) continue;
    const message = `split ${split.name}: ${count} is ${split[count]}, its shards hold ${found}`;
    faults.add({ file: INDEX_FILE }, message);
  }
}

function totalBytes(index: ShardSetIndex): number {
  const shards = index.splits.flatMap((split) => split.shards);
  return shards.reduce((sum, shard) => sum + shard.sizeBytes, index.ledger.sizeBytes);
}

function noCounts(): CheckedCounts {
  return {
    numFiles: 0,
    sizeBytes: 0,
    numScenes: 0,
    numPictures: 0,
    numTexts: 0,
    numDecoded: 0,
    numLedgerRows: 0,
  };
}
