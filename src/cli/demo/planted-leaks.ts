import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Leak } from "../../audit/verdict.ts";

const sideSchema = z.object({ dataset: z.string(), key: z.string() });
const listSchema = z.object({
  leaks: z.array(z.object({ kind: z.string(), train: sideSchema, eval: sideSchema })),
});

/** The kinds of leaks that the audit can prove; the others of the list need near-duplicate search. */
const PROVABLE_KINDS: ReadonlySet<string> = new Set([
  "same-key",
  "same-flickr-photo",
  "same-bytes",
]);

/** The leaks that the small world has planted inside COCO and that the audit has to find, as "train eval". */
export async function plantedInCoco(world: string): Promise<ReadonlySet<string>> {
  const text = await readFile(join(world, "planted-leaks.json"), "utf8");
  const { leaks } = listSchema.parse(JSON.parse(text));
  return new Set(
    leaks
      .filter(({ kind }) => PROVABLE_KINDS.has(kind))
      .filter((leak) => leak.train.dataset === "coco" && leak.eval.dataset === "coco")
      .map((leak) => `${leak.train.key} ${leak.eval.key}`),
  );
}

/** Found leaks in the form of `plantedInCoco`. */
export function foundPairs(leaks: readonly Leak[]): ReadonlySet<string> {
  return new Set(leaks.map((leak) => `${leak.train.picture} ${leak.eval.picture}`));
}
