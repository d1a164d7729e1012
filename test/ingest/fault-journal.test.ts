import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { StateError } from "../../src/core/errors.ts";
import type { LedgerEntry } from "../../src/core/records.ts";
import { FaultJournal } from "../../src/ingest/fault-journal.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-journal-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function entry(id: number): LedgerEntry {
  const place = { file: "captions.json", kind: "image", record: `/images/${id}`, id: String(id) };
  return { ...place, outcome: "quarantined", reason: "IMG_EMPTY", evidence: "no bytes" };
}

async function writeJournal(path: string, sceneIndexes: readonly number[]): Promise<void> {
  await using journal = await FaultJournal.open(path, 0);
  for (const index of sceneIndexes) await journal.add(index, [entry(index)]);
}

it("A journal tells which planned scenes the finished shards hold", async () => {
  const path = join(folder, "split.jsonl");
  await writeJournal(path, [0, 3, 4, 9]);
  // Planned scenes 1, 2, 5 and 6 are written; 0, 3 and 4 are known to be faulty.
  await using journal = await FaultJournal.open(path, 4);
  expect(journal.numSettled).toBe(7);
  expect(journal.entries).toEqual([entry(0), entry(3), entry(4)]);
  expect(journal.numFaulty).toBe(3);
  await journal.add(9, [entry(9)]);
  expect(journal.entries.at(-1)).toEqual(entry(9));
});

it("A line that a crash cut off is read again", async () => {
  const path = join(folder, "cut.jsonl");
  await writeJournal(path, [1]);
  await appendFile(path, '{"sceneIndex": 2, "entr');
  await using journal = await FaultJournal.open(path, 5);
  expect([journal.numSettled, journal.entries]).toEqual([6, [entry(1)]]);
  await using again = await FaultJournal.open(path, 5);
  expect(again.entries).toEqual([entry(1)]);
});

it("A journal that is gone while its shards are there is not made up", async () => {
  await expect(FaultJournal.open(join(folder, "gone.jsonl"), 3)).rejects.toThrow(StateError);
});
