import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type DatasetManifest, manifestNames, readDatasetManifest } from "../dataset-manifest.ts";
import { manifestsFolder } from "../recipe.ts";
import { type LeakSetting, type NamedPictures, namedPicturesSchema } from "./leak-policy.ts";

const evaluationsSchema = z.strictObject({
  format: z.literal("crossweave-evaluations"),
  version: z.literal(1),
  summary: z.string(),
  evaluations: z.array(namedPicturesSchema),
});

/** Every part of a published split that a task reports its numbers on: manifests/evaluations.json. */
export async function knownEvaluations(): Promise<readonly NamedPictures[]> {
  const text = await readFile(join(manifestsFolder, "evaluations.json"), "utf8");
  return evaluationsSchema.parse(JSON.parse(text)).evaluations;
}

/** What a setting evaluates on, dataset by dataset. */
export async function evaluatedOn({ evaluates }: LeakSetting): Promise<readonly NamedPictures[]> {
  return evaluates === "every-evaluation" ? await knownEvaluations() : evaluates;
}

/** What a setting trains on, dataset by dataset. */
export async function trainedOn({ trains }: LeakSetting): Promise<readonly NamedPictures[]> {
  return trains === "every-training-part" ? await knownTrainingParts() : trains;
}

/**
 * The other parts of the splits that evaluations are of, and the published datasets on which nothing is evaluated. What
 * users have of their own is known to nobody: a policy of theirs can name it.
 */
export async function knownTrainingParts(): Promise<readonly NamedPictures[]> {
  const evaluations = await knownEvaluations();
  const manifests = await Promise.all((await manifestNames()).map(readDatasetManifest));
  return manifests
    .filter(({ releases }) => releases.length > 0)
    .flatMap((manifest) => trainingPartsOf(manifest, evaluations));
}

function trainingPartsOf(
  { dataset, splits }: DatasetManifest,
  evaluations: readonly NamedPictures[],
): readonly NamedPictures[] {
  const evaluated = evaluations.filter((one) => one.dataset === dataset);
  if (evaluated.length === 0) {
    return [{ dataset, parts: "everything", because: "nothing is evaluated on it" }];
  }
  return evaluated.map(({ split, parts: held }) => {
    const published = splits.find(({ name }) => name === (split ?? name));
    const parts = published?.parts.map(({ name }) => name).filter((name) => !held.includes(name));
    return { dataset, split, parts: parts ?? [], because: "the rest of its published split" };
  });
}
