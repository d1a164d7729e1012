import { open, rm } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { ShardError } from "../../src/core/errors.ts";
import { BatchLoader } from "../../src/loader/batch-loader.ts";
import type { Batch } from "../../src/loader/options.ts";
import { ShardSetReader } from "../../src/shards/shard-set-reader.ts";
import { contentOf, digest, type LoaderFixture, loaderFixture } from "./loader-fixture.ts";

const EPOCH_BATCHES = 3;

/** Changes one byte of the stored picture of each of these scenes. */
async function damagePictures(
  fixture: LoaderFixture,
  sceneIndexes: readonly number[],
): Promise<void> {
  await using reader = await ShardSetReader.open(fixture.set);
  const split = reader.split("train");
  await using file = await open(join(fixture.set, "train/00000.arrow"), "r+");
  const { buffer } = await file.read({
    buffer: Buffer.alloc((await file.stat()).size),
    position: 0,
  });
  for (const sceneIndex of sceneIndexes) {
    const bytes = await split.pictureBytes(sceneIndex, 0);
    const offset = buffer.indexOf(bytes) + Math.floor(bytes.length / 2);
    await file.write(Buffer.of((buffer[offset] ?? 0) ^ 1), 0, 1, offset);
  }
}

interface Seen {
  readonly keys: readonly string[];
  readonly skipped: Batch["statistics"]["skipped"];
  readonly shape: string;
  readonly content: ReturnType<typeof contentOf>;
}

async function seenBy(
  fixture: LoaderFixture,
  { rank, worldSize }: { rank: number; worldSize: number },
): Promise<Seen[]> {
  const options = fixture.options({ onDamage: "skip", rank, worldSize });
  await using loader = await BatchLoader.open(options);
  const seen: Seen[] = [];
  for await (const batch of loader.batches({ epoch: 0, step: 0 })) {
    const { keys, statistics } = batch;
    const shape = `${JSON.stringify(batch.shape)} ${batch.pixels.length} ${batch.tokenIds.length}`;
    seen.push({ keys, skipped: statistics.skipped, shape, content: contentOf(batch) });
    if (seen.length === EPOCH_BATCHES) return seen;
  }
  return seen;
}

describe("damaged samples", () => {
  it("stop the stream in their batch's place, unless they are to be skipped (D-10)", async () => {
    await using fixture = await loaderFixture();
    await damagePictures(fixture, [3]);
    await using loader = await BatchLoader.open(fixture.options());
    const consume = async (): Promise<void> => {
      let numBatches = 0;
      for await (const _ of loader.batches({ epoch: 0, step: 0 })) {
        numBatches += 1;
        if (numBatches === 2 * EPOCH_BATCHES) return;
      }
    };
    const error = await consume().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ShardError);
    expect(String(error)).toMatch(/train\/00000\.arrow, batch 0, row 3: the bytes of coco:3/);
  });

  it("that are skipped are replaced from their own batch, named, and keep all ranks in step", async () => {
    await using fixture = await loaderFixture();
    const damaged = [3, 11, 20];
    await damagePictures(fixture, damaged);
    const [alone] = [await seenBy(fixture, { rank: 0, worldSize: 1 })];
    const skipped = alone.flatMap((batch) => batch.skipped);
    const inEpoch = new Set(skipped.map(({ sampleIndex }) => sampleIndex));
    expect([...inEpoch].every((index) => damaged.includes(index))).toBe(true);
    expect(skipped.length).toBeGreaterThan(0);
    for (const { file, fault, record } of skipped) {
      expect(file).toBe(join(fixture.set, "train/00000.arrow"));
      expect(record).toMatch(/^batch \d, row \d$/);
      expect(fault).toContain("digest");
    }
    for (const { keys, skipped: ofBatch } of alone) {
      expect(keys).toHaveLength(8);
      expect(keys.some((key) => damaged.includes(Number(key.slice(5))))).toBe(false);
      // Each skipped sample leaves one picture that stands twice.
      expect(new Set(keys).size).toBe(8 - ofBatch.length);
      for (const { replacedBy } of ofBatch) expect(keys).toContain(`coco:${replacedBy}`);
    }
    for (const worldSize of [2, 3, 5]) {
      const shares = await Promise.all(
        Array.from({ length: worldSize }, (_, rank) => seenBy(fixture, { rank, worldSize })),
      );
      for (const [step, whole] of alone.entries()) {
        const parts = shares.flatMap((share) => share[step] ?? []);
        expect(new Set(parts.map(({ shape }) => shape)).size).toBe(1);
        expect(digest(parts.map(({ content }) => content))).toBe(digest([whole.content]));
        expect(parts.flatMap((part) => part.skipped)).toEqual(whole.skipped);
      }
    }
  });

  it("that make up a whole batch stop the stream even so: nothing could stand in their place", async () => {
    await using fixture = await loaderFixture();
    await using loader = await BatchLoader.open(fixture.options({ onDamage: "skip" }));
    await rm(join(fixture.set, "train/00000.arrow"));
    const consume = async (): Promise<void> => {
      for await (const _ of loader.batches({ epoch: 0, step: 0 })) return;
    };
    await expect(consume()).rejects.toThrow(ShardError);
  });
});
