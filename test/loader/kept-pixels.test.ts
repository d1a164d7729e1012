import { subscribe, unsubscribe } from "node:diagnostics_channel";

import { expect, it } from "vitest";

import { BatchLoader } from "../../src/loader/batch-loader.ts";
import { noAugmentation } from "../../src/loader/pictures/augment.ts";
import { loaderFixture, take } from "./loader-fixture.ts";

/** The time spent on pixels in the second epoch, all pictures of which were seen in the first but for six. */
async function secondEpochDecodeMs(keptPixelBytes: number): Promise<number> {
  await using fixture = await loaderFixture();
  await using loader = await BatchLoader.open(
    fixture.options({ augment: noAugmentation, keptPixelBytes, prefetchBatches: 1 }),
  );
  let decodeMs = 0;
  const listen = (message: unknown): void => {
    if (typeof message !== "object" || message === null) return;
    if (!("epoch" in message && "decodeMs" in message) || message.epoch === 0) return;
    decodeMs += Number(message.decodeMs);
  };
  subscribe("crossweave:loader:batch", listen);
  await take(loader, { epoch: 0, step: 0 }, 12);
  unsubscribe("crossweave:loader:batch", listen);
  return decodeMs;
}

it("whole pictures are decoded anew in each epoch only where they may not be kept", async () => {
  const [kept, anew] = [await secondEpochDecodeMs(2 ** 20), await secondEpochDecodeMs(0)];
  expect(kept).toBeLessThan(anew / 2);
});
