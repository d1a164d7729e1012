import { isDeepStrictEqual } from "node:util";
import { ShardError, SourceError } from "../../../src/core/errors.ts";
import { RandomStream } from "../../../src/core/random.ts";
import type { PictureRegions, Scene } from "../../../src/core/records.ts";
import { readLedger } from "../../../src/shards/ledger.ts";
import { INDEX_FILE } from "../../../src/shards/shard-set-index.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import type { ValidationFault } from "../../../src/shards/validation/faults.ts";
import { validateShardSet } from "../../../src/shards/validation/validate-shard-set.ts";
import { ledgerEntries } from "../small-set.ts";
import { type DamagedSet, damages, type ExpectedPlace, written } from "./damaged-set.ts";

/** How the damages of one kind fared. */
export interface Tally {
  readonly kind: string;
  numTrials: number;
  numFound: number;
  numLocated: number;
  /** Of those located, how many to the row and how many to the batch. */
  numRows: number;
  numBatches: number;
  /** Trials in which the reader gave anything but what was written, or an error without a place. */
  numWrong: number;
  slowestMs: number;
  /** What was not found or not located. */
  readonly misses: string[];
}

/** Does `numTrials` random damages in turn of every kind, each undone before the next. */
export async function runTrials(
  set: DamagedSet,
  numTrials: number,
  seed: number,
): Promise<Tally[]> {
  const tallies = Object.keys(damages).map((kind) => ({
    kind,
    numTrials: 0,
    numFound: 0,
    numLocated: 0,
    numRows: 0,
    numBatches: 0,
    numWrong: 0,
    slowestMs: 0,
    misses: [],
  }));
  for (let trial = 0; trial < numTrials; trial += 1) {
    const tally = tallies[trial % tallies.length];
    if (tally !== undefined) await runTrial(set, tally, new RandomStream(seed, trial));
  }
  return tallies;
}

async function runTrial(set: DamagedSet, tally: Tally, random: RandomStream): Promise<void> {
  const damage = await damages[tally.kind]?.(set, random);
  if (damage === undefined) throw new TypeError(`there is no damage ${tally.kind}`);
  const start = performance.now();
  const faults = await faultsOf(set.path);
  const isLocated = damage.places.every((place) => faults.some((fault) => isAt(fault, place)));
  tally.numTrials += 1;
  tally.numFound += Math.min(1, faults.length);
  tally.numLocated += Number(isLocated);
  tally.numRows += Number(isLocated && damage.places[0]?.row !== undefined);
  tally.numBatches += Number(isLocated && damage.places[0]?.batch !== undefined);
  if (!isLocated) {
    const told = faults.map(({ file, batch, row }) => `${file}/${batch}/${row}`);
    tally.misses.push(`${damage.what}: told ${told.join(" ")}`);
  }
  const wrong = await wrongReadings(set.path);
  tally.numWrong += wrong.length;
  tally.misses.push(...wrong.map((one) => `${damage.what}: ${one}`));
  tally.slowestMs = Math.max(tally.slowestMs, performance.now() - start);
  await set.restore();
}

function isAt(fault: ValidationFault, place: ExpectedPlace): boolean {
  return (
    fault.file === place.file &&
    (place.batch === undefined || fault.batch === place.batch) &&
    (place.row === undefined || fault.row === place.row)
  );
}

/** Both ways of hashing must tell of the same damage. */
async function faultsOf(folder: string): Promise<readonly ValidationFault[]> {
  try {
    const { faults } = await validateShardSet(folder);
    const quick = await validateShardSet(folder, { digests: "files" });
    return quick.isValid && !isOnlyDigests(faults) ? [] : faults;
  } catch (error) {
    // A folder without an index is no set.
    if (!(error instanceof SourceError)) throw error;
    return [{ file: INDEX_FILE, batch: null, row: null, message: error.message }];
  }
}

// A wrong digest of a batch in an index of a right digest is what only the full check can see.
function isOnlyDigests(faults: readonly ValidationFault[]): boolean {
  return faults.every(({ message }) => message.startsWith("the batch has the sha256"));
}

/** Everything that the reader gives of a set and that is neither what was written nor an error with its place. */
export async function wrongReadings(folder: string): Promise<string[]> {
  const wrong: string[] = [];
  const attempt = async (what: string, isRight: () => Promise<boolean>): Promise<void> => {
    try {
      if (!(await isRight())) wrong.push(`${what} is not what was written`);
    } catch (error) {
      const isFault = error instanceof ShardError || error instanceof SourceError;
      if (isFault && error.file !== undefined && error.remedy !== undefined) return;
      // An index that lists fewer scenes has no more of them.
      if (error instanceof RangeError) return;
      wrong.push(`${what}: ${String(error)}`);
    }
  };
  await attempt("the set", async () => {
    await using reader = await ShardSetReader.open(folder);
    for (const [name, scenes] of Object.entries(written)) {
      const split = reader.split(name);
      const order = split.numScenes === scenes.length ? scenes : [];
      for (const [index, scene] of order.entries()) {
        await readScene({ split, index, scene }, attempt);
      }
    }
    return true;
  });
  await attempt("the ledger", async () =>
    isDeepStrictEqual(await Array.fromAsync(readLedger(folder)), ledgerEntries),
  );
  return wrong;
}

type Attempt = (what: string, isRight: () => Promise<boolean>) => Promise<void>;

async function readScene(
  {
    split,
    index,
    scene,
  }: {
    split: ReturnType<ShardSetReader["split"]>;
    index: number;
    scene: Scene;
  },
  attempt: Attempt,
): Promise<void> {
  await attempt(`head ${index}`, async () =>
    isDeepStrictEqual(await split.head(index), headOf(scene)),
  );
  for (const [pictureIndex, { bytes }] of scene.pictures.entries()) {
    // Twice: verified by its digest, then by the checksum.
    for (const time of ["first", "second"]) {
      await attempt(`picture ${index} the ${time} time`, async () =>
        Buffer.from(bytes).equals(await split.pictureBytes(index, pictureIndex)),
      );
    }
    await attempt(`regions ${index}`, async () =>
      isSame(await split.regions(index, pictureIndex), scene.regions?.[pictureIndex] ?? null),
    );
  }
}

function headOf({ sceneKey, pictures, texts }: Scene): unknown {
  const infos = pictures.map((picture) =>
    Object.fromEntries(Object.entries(picture).filter(([name]) => name !== "bytes")),
  );
  return { sceneKey, texts, pictures: infos };
}

function isSame(found: PictureRegions | null, expected: PictureRegions | null): boolean {
  if (found === null || expected === null) return found === expected;
  return isDeepStrictEqual(hexOf(found), hexOf(expected));
}

function hexOf(regions: PictureRegions): unknown {
  return {
    ...regions,
    features: Buffer.from(regions.features).toString("hex"),
    classProbabilities: Buffer.from(regions.classProbabilities).toString("hex"),
  };
}
