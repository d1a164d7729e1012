import { z } from "zod";
import type { Box, PictureInfo, PictureRegions, Scene, SceneHead } from "../../src/core/records.ts";
import { sha256 } from "../../src/core/digest.ts";
import { pythonEnvironment } from "../python-environment.ts";

type Rows = readonly Readonly<Record<string, unknown>>[];
const rows: z.ZodType<Rows> = z.array(z.record(z.string(), z.unknown()));
/** What readers that know nothing of crossweave found in a split, and in the ledger. */
export interface OtherReadings {
  readonly pyarrow: { readonly rows: Rows; readonly metadata: Readonly<Record<string, string>> };
  readonly datasets: { readonly rows: Rows };
  readonly duckdb: { readonly rows: Rows; readonly num_texts: number };
  readonly polars: { readonly rows: Rows };
  readonly ledger: Rows;
}

const readings: z.ZodType<OtherReadings> = z.object({
  pyarrow: z.object({ rows, metadata: z.record(z.string(), z.string()) }),
  datasets: z.object({ rows }),
  duckdb: z.object({ rows, num_texts: z.int() }),
  polars: z.object({ rows }),
  ledger: rows,
});

export const otherReaders = ["pyarrow", "datasets", "duckdb", "polars"] as const;

/** Opens a split in the other readers; pyarrow writes its first shard again to `rewritten`. */
export async function readElsewhere(
  folder: string,
  split: string,
  rewritten: string,
): Promise<OtherReadings> {
  const python = await pythonEnvironment();
  const output = await python.run("read_shard_set.py", [folder, split, rewritten]);
  return readings.parse(JSON.parse(output));
}

/** The rows that the other readers must find for scenes whose pictures have these digests. */
export function rowsOf(
  scenes: readonly (SceneHead & Partial<Pick<Scene, "regions">>)[],
): unknown[] {
  return scenes.map((scene) => ({
    scene_key: scene.sceneKey,
    texts: scene.texts.map((text) =>
      Object.assign({}, text, { box: text.box && numbersOf(text.box) }),
    ),
    pictures: scene.pictures.map((picture) => snakeCased(picture)),
    regions: scene.regions?.map((regions) => regions && regionRow(regions)) ?? null,
    bytes: scene.pictures.map((picture) => picture.sha256),
  }));
}

function regionRow(regions: PictureRegions): Record<string, unknown> {
  const { boxes, confidences, numFeatures, numClasses, features, classProbabilities } = regions;
  return {
    boxes: boxes.map(numbersOf),
    confidences,
    num_features: numFeatures,
    num_classes: numClasses,
    features_sha256: sha256(features),
    class_probabilities_sha256: sha256(classProbabilities),
    features: sha256(features),
    class_probabilities: sha256(classProbabilities),
  };
}

function numbersOf({ x, y, width, height }: Box): number[] {
  return [x, y, width, height];
}

function snakeCased(picture: PictureInfo): Record<string, unknown> {
  const entries = Object.entries(picture).filter(([name]) => name !== "bytes");
  return Object.fromEntries(
    entries.map(([name, value]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}
