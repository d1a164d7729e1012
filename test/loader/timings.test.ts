import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { BatchComposer } from "../../src/loader/batching/batch-composer.ts";
import { emptyTable } from "../../src/loader/batching/scene-table.ts";
import { BuildTimer, summedTimings } from "../../src/loader/timings.ts";
import { noChains } from "../../src/loader/pairing/picture-chains.ts";
import { SampleSource } from "../../src/loader/sample-source.ts";
import { BatchBuilder } from "../../src/loader/workers/batch-builder.ts";
import { loaderFixture, NUM_SCENES } from "./loader-fixture.ts";

describe("timings", () => {
  it("do not count reading as work on texts", async () => {
    const timer = new BuildTimer();
    const value = await timer.measureTexts(() => timer.measure("readMs", () => sleep(30, "head")));
    expect(value).toBe("head");
    expect(timer.timings.readMs).toBeGreaterThan(25);
    expect(timer.timings.textMs).toBeLessThan(5);
    expect(summedTimings([timer.timings, timer.timings]).readMs).toBe(2 * timer.timings.readMs);
  });

  it("of a batch say where its samples' time went", async () => {
    await using fixture = await loaderFixture();
    const options = fixture.options();
    await using source = await SampleSource.open(options.sets);
    const start = {
      options,
      listed: source.listed,
      sets: [{ numScenes: NUM_SCENES, weight: undefined }],
      table: emptyTable,
      chains: noChains,
      slots: [new SharedArrayBuffer(2 ** 20)],
      isBuilt: new Int32Array(1),
    };
    await using builder = await BatchBuilder.open(start);
    const place = (await new BatchComposer(start).epochPlan(0)).place(0);
    const outcome = await builder.build({ slot: 0, epoch: 0, batchIndex: 0, place });
    if (outcome.kind === "failed") throw new Error(outcome.fault.message);
    const { decodeMs, readMs, textMs } = outcome.batch.timings;
    for (const timeMs of [decodeMs, readMs, textMs]) expect(timeMs).toBeGreaterThan(0);
    expect(decodeMs).toBeLessThan(2 * outcome.buildMs);
  });
});
