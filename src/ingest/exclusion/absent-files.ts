import type { SourceError } from "../../core/errors.ts";
import { findAnnotationFile } from "../annotations/annotation-file.ts";
import type { DatasetManifest } from "../dataset-manifest.ts";
import { filesThere } from "../official-files.ts";

/** Whether a fault is that a file is not there, and not that one is damaged. */
export async function isOfAbsentFile({ file }: SourceError, folder: string): Promise<boolean> {
  return file !== undefined && (await findAnnotationFile(folder, file)) === undefined;
}

/** What is not there, in words; it stands in an index and does not tell where the source folder was. */
export async function absenceOf(
  { file }: SourceError,
  { releases }: DatasetManifest,
  folder: string,
): Promise<string> {
  const paths = releases.flatMap((release) => release.files.map(({ path }) => path));
  const there = await filesThere(folder, paths);
  return there.length === 0 ? "none of its files is there" : `${file ?? "a file"} is not there`;
}
