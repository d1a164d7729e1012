import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { manifestsFolder } from "../recipe.ts";
import type { NamedPictures } from "./leak-policy.ts";

type Place = Pick<NamedPictures, "dataset" | "split" | "parts">;

/** How many pictures of one set somebody has counted in another. */
export interface PublishedOverlap {
  readonly of: Place;
  readonly in: Place;
  readonly pictures: number;
  /** Who has counted them, and where that is written. */
  readonly source: string;
}

const place: z.ZodType<Place> = z.strictObject({
  dataset: z.string(),
  split: z.string().optional(),
  parts: z.union([z.literal("everything"), z.array(z.string()).min(1)]),
});

const overlapsSchema: z.ZodType<{ readonly overlaps: readonly PublishedOverlap[] }> =
  z.strictObject({
    format: z.literal("crossweave-published-overlaps"),
    version: z.literal(1),
    summary: z.string(),
    overlaps: z.array(
      z.strictObject({ of: place, in: place, pictures: z.int().positive(), source: z.string() }),
    ),
  });

/** What is published of overlaps: manifests/published-overlaps.json. */
export async function publishedOverlaps(): Promise<readonly PublishedOverlap[]> {
  const text = await readFile(join(manifestsFolder, "published-overlaps.json"), "utf8");
  return overlapsSchema.parse(JSON.parse(text)).overlaps;
}
