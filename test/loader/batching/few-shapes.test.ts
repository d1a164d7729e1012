import { describe, expect, it } from "vitest";

import { BatchComposer, type ComposedBatch } from "../../../src/loader/batching/batch-composer.ts";
import { composing, epochOf, madeTable } from "./composing.ts";

const table = madeTable(9000);
const sets = [{ numScenes: 9000, weight: undefined }];

function epochWith(lengthMultiple: number): Promise<ComposedBatch[]> {
  const options = composing({
    batching: {
      kind: "tokens",
      maxTokens: 10_240,
      multipleOf: 8,
      bucketSize: 8192,
      tokensPerPicture: "regions",
      lengthMultiple,
    },
    regions: { maxRegions: 100, numFeatures: 2048 },
  });
  return epochOf(new BatchComposer({ options, sets, table }), 0);
}

function shapesOf(batches: readonly ComposedBatch[]): Set<string> {
  return new Set(
    batches.map(({ regionsPerPicture, room, samples, textTokens }) =>
      [room ?? samples.length, textTokens, regionsPerPicture].join(" "),
    ),
  );
}

function textsOf(batches: readonly ComposedBatch[]): string[] {
  const names = batches.flatMap(({ samples }) =>
    samples.map(({ sampleIndex, textIndex }) => `${sampleIndex}/${textIndex}`),
  );
  return names.toSorted();
}

describe("token batches whose lengths are rounded", () => {
  it("D-7: have few shapes, within the budget and with room for as many", async () => {
    const [rounded, plain] = [await epochWith(8), await epochWith(1)];
    expect(shapesOf(rounded).size).toBeLessThan(shapesOf(plain).size / 3);
    expect(textsOf(rounded)).toEqual(textsOf(plain));
    for (const { regionsPerPicture = 0, room = 0, samples, textTokens } of rounded) {
      expect([textTokens % 8, regionsPerPicture === 100 ? 0 : regionsPerPicture % 8]).toEqual([
        0, 0,
      ]);
      expect(samples.length).toBeLessThanOrEqual(room);
      expect(room % 8).toBe(0);
      expect(Math.max(textTokens, regionsPerPicture) * room).toBeLessThanOrEqual(10_240);
    }
  });
});
