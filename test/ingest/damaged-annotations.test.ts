import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { assert, asyncProperty, constantFrom, nat, record } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import type { RecordCounts } from "../../src/core/records.ts";
import { cocoCaption, cocoImage, cocoName, planCoco, writeCocoFolder } from "./coco-folder.ts";

const ids = [1, 2, 3, 4, 5];
const file = "coco/annotations/captions_train2017.json";
let folder = "";
let bytes: Buffer;
beforeAll(async () => {
  folder = await writeCocoFolder({
    files: {
      train2017: {
        images: ids.map((id) => cocoImage(id)),
        annotations: ids.flatMap((id) => [cocoCaption(id, id), cocoCaption(id + 10, id, "öäü 字")]),
      },
    },
    pictures: ids.slice(1).map((id) => `train2017/${cocoName(id)}`),
  });
  bytes = await readFile(join(folder, file));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Counts of a plan whose scenes and ledger were counted one by one, or the SourceError. */
async function outcomeOf(damaged: Buffer): Promise<readonly RecordCounts[] | SourceError> {
  await writeFile(join(folder, file), damaged);
  try {
    const plan = await planCoco(folder);
    const scenes = await Array.fromAsync(plan.scenes("train"));
    const ledger = await Array.fromAsync(plan.ledger());
    const places = [...scenes.flatMap(({ records }) => records), ...ledger];
    expect(new Set(places.map(({ record: place }) => place)).size).toBe(places.length);
    for (const { kind, read } of plan.counts) {
      expect(places.filter((place) => place.kind === kind)).toHaveLength(read);
    }
    return plan.counts;
  } catch (error) {
    if (error instanceof SourceError) return error;
    throw error;
  }
}

function verdictOf(outcome: readonly RecordCounts[] | SourceError): string {
  if (outcome instanceof SourceError) {
    return outcome.file === file && outcome.remedy !== undefined ? "clear" : "unclear";
  }
  const addsUp = outcome.every(
    ({ read, written, excluded, quarantined, missing }) =>
      written + excluded + quarantined + missing === read,
  );
  return addsUp ? "clear" : "does not add up";
}

describe("A damaged annotation file", () => {
  it("adds up or fails clearly, whatever the damage", async () => {
    let numRead = 0;
    const damage = record({
      kind: constantFrom("flip", "cut", "remove", "insert", "swap"),
      at: nat(bytes.length - 1),
      length: nat(30),
      byte: nat(255),
    });
    await assert(
      asyncProperty(damage, async ({ kind, at, length, byte }) => {
        const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + length)];
        const some = bytes.subarray(at, at + length);
        const damaged = {
          flip: Buffer.concat([before, some.map((value) => value ^ byte), after]),
          cut: before,
          remove: Buffer.concat([before, after]),
          insert: Buffer.concat([before, Buffer.alloc(length, byte), some, after]),
          swap: Buffer.concat([before, Buffer.from(some.toReversed()), after]),
        }[kind];
        const outcome = await outcomeOf(damaged);
        numRead += outcome instanceof SourceError ? 0 : 1;
        expect(verdictOf(outcome)).toBe("clear");
      }),
      { numRuns: 150 },
    );
    expect(numRead).toBeGreaterThan(10); // both ways are taken
  });

  it("that is whole is read whole", async () => {
    expect(await outcomeOf(bytes)).toMatchObject([
      { kind: "image", read: 5, written: 4, missing: 1 },
      { kind: "caption", read: 10, written: 8, missing: 2 },
    ]);
  });
});
