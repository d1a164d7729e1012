import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runLog } from "../../../src/cli/watching/run-log.ts";
import { temporaryFolder } from "../../loader/shard-set-fixture.ts";

it("a run's log has a line with the time for each event but steps, and begins anew behind a cut line", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "run.jsonl");
  const log = runLog(path, () => new Date("2024-05-06T07:08:09Z"));
  await log({ kind: "start", step: 0, totalSteps: 6, numWeights: 5 });
  await log({ kind: "checkpoint", step: 2, sizeBytes: 10, writeMs: 3 });
  await appendFile(path, '{"time":"2024-'); // a kill
  await log({ kind: "start", step: 2, totalSteps: 6, numWeights: 5 });
  await log({ kind: "skip", step: 3, fault: "the loss is NaN", pictures: ["coco:1"] });
  await log({ kind: "end", step: 6, outcome: "complete" });
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  const time = "2024-05-06T07:08:09.000Z";
  expect(lines.toSpliced(2, 1).map((line): unknown => JSON.parse(line))).toEqual([
    { time, event: "start", step: 0, totalSteps: 6, numWeights: 5 },
    { time, event: "checkpoint", step: 2, sizeBytes: 10, writeMs: 3 },
    { time, event: "resume", step: 2, totalSteps: 6, numWeights: 5 },
    { time, event: "skip", step: 3, fault: "the loss is NaN", pictures: ["coco:1"] },
    { time, event: "end", step: 6, outcome: "complete" },
  ]);
});
