import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ShardError, SourceError } from "../../../src/core/errors.ts";
import { RandomStream } from "../../../src/core/random.ts";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import {
  contentOf,
  digest,
  type LoaderFixture,
  loaderFixture,
} from "../../loader/loader-fixture.ts";
import { filesOf } from "../small-set.ts";

const EPOCH_BATCHES = 3;

/** How the loader fared over damaged sets. */
export interface LoaderTally {
  readonly numTrials: number;
  /** Streams that ended with an error that names the file. */
  numStopped: number;
  /** Streams that needed nothing of what was damaged. */
  numUntouched: number;
  /** Batches other than those of the undamaged set, and errors of another kind. */
  readonly wrong: string[];
  slowestMs: number;
}

/** Damages a shard or the index at random, streams an epoch, and puts the set right again. */
export async function runLoaderTrials(numTrials: number, numWorkers: number): Promise<LoaderTally> {
  await using fixture = await loaderFixture();
  const files = await filesOf(fixture.set);
  const names = [...files.keys()].filter((name) => /^(?:index|train)/.test(name));
  const expected = await digestsOf(fixture, numWorkers);
  const tally: LoaderTally = { numTrials, numStopped: 0, numUntouched: 0, wrong: [], slowestMs: 0 };
  for (let trial = 0; trial < numTrials; trial += 1) {
    const random = new RandomStream(46, trial);
    const file = names[random.nextInt(names.length)] ?? "";
    await damage(join(fixture.set, file), random);
    const start = performance.now();
    try {
      const found = await digestsOf(fixture, numWorkers);
      tally.numUntouched += 1;
      if (found.join() !== expected.join()) tally.wrong.push(`trial ${trial}: other batches`);
    } catch (error) {
      const isFault = error instanceof ShardError || error instanceof SourceError;
      tally.numStopped += Number(isFault);
      if (!isFault || error.file === undefined)
        tally.wrong.push(`trial ${trial}: ${String(error)}`);
    }
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - start);
    await writeFile(join(fixture.set, file), files.get(file) ?? "");
  }
  return tally;
}

async function digestsOf(fixture: LoaderFixture, numWorkers: number): Promise<string[]> {
  await using loader = await BatchLoader.open(fixture.options({ numWorkers }));
  const digests: string[] = [];
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
    digests.push(digest([contentOf(batch)]));
    if (digests.length === EPOCH_BATCHES) break;
  }
  return digests;
}

async function damage(path: string, random: RandomStream): Promise<void> {
  const bytes = await readFile(path);
  const position = random.nextInt(bytes.length);
  const kind = random.nextInt(8);
  if (kind === 0) return rm(path);
  if (kind === 1) return truncate(path, position);
  if (kind === 2) bytes.fill(0, position, Math.min(bytes.length, position + 512));
  else bytes.writeUInt8((bytes[position] ?? 0) ^ (1 << random.nextInt(8)), position);
  return writeFile(path, bytes);
}
