import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  array,
  assert,
  asyncProperty,
  boolean,
  integer,
  record,
  shuffledSubarray,
} from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { verdictJson } from "../../../src/audit/verdict-json.ts";
import type { AuditVerdict } from "../../../src/audit/verdict.ts";
import { auditShardSets } from "../../../src/cli/auditing/shard-set-audit.ts";
import { canonicalJson } from "../../../src/core/digest.ts";
import { silentProgress } from "../../../src/core/progress.ts";
import type { Scene } from "../../../src/core/records.ts";
import { SplitWriter } from "../../../src/shards/split-writer.ts";
import {
  caption,
  commitSplit,
  photographScenes,
  storedPicture,
} from "../../loader/shard-set-fixture.ts";

const { signal } = new AbortController();
const NUM_PHOTOGRAPHS = 5;
let folder = "";
let pictures: readonly Scene[] = [];
let numWorlds = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-increments-"));
  const photographs = (await photographScenes()).slice(0, NUM_PHOTOGRAPHS);
  pictures = (
    await Promise.all(photographs.map((photograph, at) => withCopies(photograph, at)))
  ).flat();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A photograph, made small so that this is soon done, and smaller, cropped and mirrored copies of it with other names. */
async function withCopies({ pictures: [stored] }: Scene, at: number): Promise<readonly Scene[]> {
  const small = sharp(stored?.bytes).resize(240, 180, { fit: "fill" });
  const copies = [
    small,
    small.clone().resize(160, 120),
    small.clone().extract({ left: 5, top: 4, width: 228, height: 171 }),
    small.clone().flop(),
  ];
  return Promise.all(
    copies.map(async (copy, number) => {
      const { data, info } = await copy.jpeg().toBuffer({ resolveWithObject: true });
      const { width, height } = info;
      const name = `${at}${number}`;
      const facts = { width, height, sourceWidth: width, sourceHeight: height };
      return {
        sceneKey: `coco:${name}`,
        pictures: [storedPicture(name, data, facts)],
        texts: [
          caption(`${name}-0`, `a photograph number ${at} of some thing`),
          caption(
            `${name}-1`,
            `the ${name}th copy of a photograph that shows a dog beside the ${at}th tree`,
          ),
          caption(`${name}-2`, "…"),
        ],
        regions: null,
      };
    }),
  );
}

const setOfWorld = record({
  isEvaluated: boolean(),
  /** A picture may be in a set more than once, and in several. */
  pictures: array(integer({ min: 0, max: 4 * NUM_PHOTOGRAPHS - 1 }), {
    minLength: 1,
    maxLength: 6,
  }),
});
const NUM_SETS = 4;
const world = record({
  sets: array(setOfWorld, { minLength: NUM_SETS, maxLength: NUM_SETS }),
  /** Those that are audited one after another, each with all before it. */
  order: shuffledSubarray([0, 1, 2, 3], { minLength: 2 }),
});

/** What is evaluated on last is what the sets before it train on. */
const newEvaluation = {
  sets: [[0, 4, 6], [8], [1, 5, 0], [9]].map((numbers, at) => ({
    isEvaluated: at % 3 > 0,
    pictures: numbers,
  })),
  order: [0, 1, 3, 2],
};

async function write(set: string, isEvaluated: boolean, numbers: readonly number[]): Promise<void> {
  const [split, role] = isEvaluated ? (["test", "eval"] as const) : (["train", "train"] as const);
  // Two scenes a shard, so that a new set may bring a shard that is known.
  const layout = { targetBatchBytes: 1_000_000, maxScenesPerBatch: 2, targetShardBytes: 1 };
  await using writer = await SplitWriter.create({ folder: set, split, role, layout });
  for (const [at, number] of numbers.entries()) {
    const scene = pictures[number];
    if (scene !== undefined) await writer.append({ ...scene, sceneKey: `${scene.sceneKey} ${at}` });
  }
  await commitSplit(set, await writer.finish(), set.slice(-1));
}

/** What audits from nothing found in all. */
const found = { verified: 0, textLeaks: 0, similarTexts: 0 };

async function audited(folders: readonly string[], cache: string): Promise<AuditVerdict> {
  vi.stubEnv("CROSSWEAVE_CACHE", cache);
  const options = { progress: silentProgress, signal, near: {}, withTexts: true };
  const { verdict } = await auditShardSets(folders, options);
  return verdict;
}

function spelled(verdict: AuditVerdict): string {
  return canonicalJson(verdictJson(verdict));
}

it("gives, after any sets that came one by one, the very verdict of an audit of all from nothing", async () => {
  await assert(
    asyncProperty(world, async ({ order, sets }) => {
      numWorlds += 1;
      const at = join(folder, String(numWorlds));
      for (const [name, set] of sets.entries()) {
        await write(join(at, String(name)), set.isEvaluated, set.pictures);
      }
      const folders = order.map((name) => join(at, String(name)));
      let incremental: AuditVerdict | undefined;
      for (let numSets = 1; numSets <= folders.length; numSets += 1) {
        incremental = await audited(folders.slice(0, numSets), join(at, "cache"));
      }
      const whole = await audited(folders.toReversed(), join(at, "fresh"));
      expect(incremental === undefined ? "" : spelled(incremental)).toBe(spelled(whole));
      found.verified += whole.near?.verified ?? 0;
      found.textLeaks += whole.numTextLeaks;
      found.similarTexts +=
        whole.texts?.yields.find(({ rule }) => rule === "near-text")?.trainTexts ?? 0;
    }),
    { numRuns: 4, seed: 11, examples: [[newEvaluation]] },
  );
  for (const count of Object.values(found)) expect(count).toBeGreaterThan(0);
});
