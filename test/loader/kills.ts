import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { RandomStream } from "../../src/core/random.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { LoaderOptions } from "../../src/loader/options.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";

const script = join(import.meta.dirname, "fixtures/consumer.ts");
/** Small batches, so that many steps pass between kills. */
export const smallBatches: Partial<LoaderOptions> = {
  batching: { kind: "pictures", picturesPerBatch: 4 },
  pairing: { kind: "matched-unmatched", matched: 1, unmatched: 1 },
  pictures: { kind: "square", size: 8 },
  augment: noAugmentation,
};

const LONGEST_LIFE_MS = 400;
const FILES: ReadonlySet<string> = new Set(["consumed.txt", "state.json", "tmp"]);

/**
 * Kills a consuming process `numKills` times at random moments of its work and then lets it end the run of
 * `numBatches`. Gives what went wrong: a sample lost, repeated or in another place than in a run that nobody
 * killed, kills that came too late, and files left over.
 */
export async function faultsOfKilledRun(
  folder: string,
  options: LoaderOptions,
  { numBatches, numKills }: { numBatches: number; numKills: number },
): Promise<string[]> {
  const temporary = join(folder, "tmp");
  await mkdir(temporary);
  const env = { ...process.env, TMPDIR: temporary };
  const draws = new RandomStream(numKills, numBatches);
  const call = [script, folder, JSON.stringify(options), String(numBatches)];
  let numKilled = 0;
  for (let kill = 0; kill < numKills; kill += 1) {
    const child = spawn(process.execPath, call, { env, stdio: ["ignore", "pipe", "inherit"] });
    const exit = once(child, "exit");
    await once(child.stdout, "data");
    await sleep(draws.nextInt(LONGEST_LIFE_MS));
    child.kill("SIGKILL");
    const [, signal] = await exit;
    if (signal === "SIGKILL") numKilled += 1;
  }
  const last = spawn(process.execPath, call, { env, stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(last, "exit");
  const left = [...(await readdir(folder)), ...(await readdir(temporary))];
  const consumed = await readFile(join(folder, "consumed.txt"), "utf8");
  return [
    ...(code === 0 ? [] : [`the last run ended with ${code}`]),
    ...(numKilled === numKills ? [] : [`${numKilled} of ${numKills} kills met a living process`]),
    ...left.filter((name) => !FILES.has(name)).map((name) => `left over: ${name}`),
    ...differences(consumed.split("\n").slice(0, -1), await undisturbed(options, numBatches)),
  ];
}

function differences(consumed: readonly string[], expected: readonly string[]): string[] {
  const count =
    consumed.length === expected.length
      ? []
      : [`${consumed.length} batches were consumed, expected ${expected.length}`];
  const wrong = expected.findIndex((line, index) => consumed[index] !== line);
  return wrong === -1 ? count : [...count, `batch ${wrong} of the run is ${consumed[wrong]}`];
}

async function undisturbed(options: LoaderOptions, numBatches: number): Promise<string[]> {
  await using loader = await BatchLoader.open({ ...options, numWorkers: 0 });
  const all: string[] = [];
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
    const place = `${batch.epoch}/${batch.batchIndex}`;
    all.push(`${place} ${batch.keys.join()} ${batch.textIds.join()}`);
    if (all.length === numBatches) break;
  }
  return all;
}
