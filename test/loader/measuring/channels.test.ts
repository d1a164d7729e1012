import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import type { DeliveredBatch } from "../../../src/loader/measuring/channels.ts";
import { ShardSetReader } from "../../../src/shards/shard-set-reader.ts";
import { type LoaderFixture, loaderFixture, take } from "../loader-fixture.ts";

let fixture: LoaderFixture;
beforeAll(async () => {
  fixture = await loaderFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** What is published on a channel while `work` is done. */
async function heard(name: string, work: () => Promise<unknown>): Promise<unknown[]> {
  const messages: unknown[] = [];
  const listen = (message: unknown): void => void messages.push(message);
  subscribe(name, listen);
  try {
    await work();
  } finally {
    unsubscribe(name, listen);
  }
  return messages;
}

/** Takes so many batches and works `stepMs` on each, as a training step does. */
async function consume(numWorkers: number, stepMs: number): Promise<void> {
  await using loader = await BatchLoader.open(fixture.options({ numWorkers }));
  let numTaken = 0;
  for await (const _ of loader.batches({ epoch: 0, step: 1 })) {
    numTaken += 1;
    if (numTaken === 4) return;
    await sleep(stepMs);
  }
}

describe("the channel of batches", () => {
  it.each([0, 1, 2])("tells of each batch where its time went, with %i workers", async (count) => {
    const told = await heard("crossweave:loader:batch", () => consume(count, 0));
    const expected = [
      [0, 1],
      [0, 2],
      [1, 0],
      [1, 1],
    ];
    expect(told).toEqual(
      expected.map(([epoch, batchIndex], turn) => ({
        epoch,
        batchIndex,
        numPictures: 8,
        numPairs: 32,
        waitMs: expect.any(Number),
        buildMs: expect.any(Number),
        readMs: expect.any(Number),
        decodeMs: expect.any(Number),
        textMs: expect.any(Number),
        numReady: expect.any(Number),
        builder: count === 0 ? 0 : turn % count,
      })),
    );
  });

  it("counts what lies ready, even while the consumer keeps its thread busy", async () => {
    const told: DeliveredBatch[] = [];
    const listen = (message: unknown): void => void told.push(delivered(message));
    subscribe("crossweave:loader:batch", listen);
    await using loader = await BatchLoader.open(
      fixture.options({ numWorkers: 1, prefetchBatches: 2 }),
    );
    for await (const _ of loader.batches({ epoch: 0, step: 0 })) {
      if (told.length === 3) break;
      const untilMs = performance.now() + 400; // no message of a worker is looked at meanwhile
      while (performance.now() < untilMs);
    }
    unsubscribe("crossweave:loader:batch", listen);
    expect(told.map(({ numReady }) => numReady)).toEqual([0, 2, 2]);
    expect(told[0]?.waitMs).toBeGreaterThan(told[1]?.waitMs ?? Infinity);
  });

  it("is silent when nobody listens any more", async () => {
    const told = await heard("crossweave:loader:batch", () => Promise.resolve());
    await consume(0, 0);
    expect(told).toEqual([]);
  });
});

function delivered(message: unknown): DeliveredBatch {
  if (isDelivered(message)) return message;
  throw new Error(`no batch: ${String(message)}`);
}

function isDelivered(message: unknown): message is DeliveredBatch {
  return typeof message === "object" && message !== null && "numReady" in message;
}

describe("the channels of damage", () => {
  it("tell of samples that were skipped and of batches that could not be built", async () => {
    await using damaged = await loaderFixture();
    await damageFirstPicture(damaged.set);
    const epoch = { epoch: 0, step: 0 };
    const skips = await heard("crossweave:loader:skip", async () => {
      await using loader = await BatchLoader.open(damaged.options({ onDamage: "skip" }));
      await take(loader, epoch, 6);
    });
    expect(skips).toContainEqual(
      expect.objectContaining({ sampleIndex: 0, fault: expect.stringContaining("row 0") }),
    );
    const faults = await heard("crossweave:loader:fault", async () => {
      await using loader = await BatchLoader.open(damaged.options());
      await expect(take(loader, epoch, 6)).rejects.toThrow(/row 0/);
    });
    expect(faults).toEqual([
      {
        epoch: expect.any(Number),
        batchIndex: expect.any(Number),
        builder: 0,
        error: expect.objectContaining({ name: "ShardError" }),
      },
    ]);
  });
});

async function damageFirstPicture(set: string): Promise<void> {
  await using reader = await ShardSetReader.open(set);
  const bytes = await reader.split("train").pictureBytes(0, 0);
  await using file = await open(join(set, "train/00000.arrow"), "r+");
  const { buffer } = await file.read({
    buffer: Buffer.alloc((await file.stat()).size),
    position: 0,
  });
  const offset = buffer.indexOf(bytes) + Math.floor(bytes.length / 2);
  await file.write(Buffer.of((buffer[offset] ?? 0) ^ 1), 0, 1, offset);
}
