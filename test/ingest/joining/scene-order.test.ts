import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { PlannedScene, SourcePlan } from "../../../src/ingest/source.ts";
import { everything, writeFileBelow } from "../coco-folder.ts";
import { planOptions } from "../plan-options.ts";
import { bytesOf, type WholeFiles, wholeFiles } from "./whole-files.ts";

/** Plans a dataset's few records, and removes its files when it goes out of scope. */
async function planned({
  source,
  choice,
  files,
}: WholeFiles): Promise<AsyncDisposable & { readonly plan: SourcePlan }> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-order-"));
  for (const [path, file] of Object.entries(await files())) {
    await writeFileBelow(folder, path, bytesOf(file));
  }
  const chosen = { annotationsOnly: true, acceptUnknownRelease: true, splits: everything };
  const plan = await source.plan({ ...planOptions(folder), ...chosen, ...choice });
  const dispose = async (): Promise<void> => {
    plan[Symbol.dispose]();
    await rm(folder, { recursive: true });
  };
  return { plan, [Symbol.asyncDispose]: dispose };
}

function scenesFrom(plan: SourcePlan, split: string, first: number): Promise<PlannedScene[]> {
  return Array.fromAsync(plan.scenes(split, first));
}

describe("The scenes of a split", () => {
  it.each(wholeFiles)("go on from any scene: $name", async (given) => {
    await using held = await planned(given);
    for (const { name, numScenes } of held.plan.splits) {
      const all = await scenesFrom(held.plan, name, 0);
      expect(all).toHaveLength(numScenes);
      for (let first = 0; first <= numScenes + 1; first += 1) {
        expect(await scenesFrom(held.plan, name, first)).toEqual(all.slice(first));
      }
    }
  });

  it.each(wholeFiles)(
    "come in the order in which the files first name them: $name",
    async (given) => {
      await using held = await planned(given);
      const files = held.plan.counts.map(({ file }) => file);
      for (const { name } of held.plan.splits) {
        const scenes = await scenesFrom(held.plan, name, 0);
        const places = scenes.map(({ records: [first] }) => {
          const number = Number(/\d+/.exec(first?.record ?? "")?.[0] ?? -1);
          return files.indexOf(first?.file ?? "") * 1e6 + number;
        });
        expect(places).toEqual(places.toSorted((a, b) => a - b));
      }
    },
  );
});
