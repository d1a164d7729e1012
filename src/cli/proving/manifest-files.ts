import { format, parse } from "node:path";
import { type ExclusionManifest, manifestText } from "../../audit/manifests/exclusion-manifest.ts";
import {
  manifestOfTable,
  parseManifest,
  type ReadManifest,
  tableOf,
} from "../../audit/manifests/read-manifest.ts";
import { readGivenFile, refuseOtherFile, writeResultFile } from "../../core/files.ts";
import {
  exclusionTableBytes,
  isArrowFile,
  readExclusionTable,
} from "../../shards/audited/exclusion-table.ts";

/** The two files of an exclusion manifest: the name that was given, and the same with the other ending. */
export interface ManifestFiles {
  readonly json: string;
  readonly arrow: string;
}

/** Where a manifest is written: "exclusions.json" and "exclusions.arrow", whichever of the two was named. */
export function manifestFilesOf(path: string): ManifestFiles {
  const { dir, ext, name, root } = parse(path);
  const sibling = (ending: string): string => format({ root, dir, name, ext: ending });
  if (ext === ".arrow") return { json: sibling(".json"), arrow: path };
  return { json: path, arrow: sibling(".arrow") };
}

/** Throws RefusedError when one of the two files is there already and no manifest. */
export async function refuseOtherThanManifest(path: string): Promise<void> {
  for (const file of Object.values(manifestFilesOf(path))) {
    await refuseOtherFile(file, { isEarlier: isManifest, whatItIsNot: "is no exclusion manifest" });
  }
}

/** Writes a manifest as canonical JSON and as an Arrow file with the same rows. Throws as `refuseOtherThanManifest`. */
export async function writeManifest(
  path: string,
  manifest: ExclusionManifest,
): Promise<ManifestFiles> {
  await refuseOtherThanManifest(path);
  const files = manifestFilesOf(path);
  await writeResultFile(files.arrow, await exclusionTableBytes(tableOf(manifest)));
  await writeResultFile(files.json, manifestText(manifest));
  return files;
}

/** Reads a manifest, JSON or Arrow. Throws SourceError when `path` cannot be read or holds none. */
export async function readManifest(path: string): Promise<ReadManifest> {
  const bytes = await readGivenFile(path, "name the file that crossweave audit --exclusions wrote");
  return isArrowFile(bytes)
    ? manifestOfTable(await readExclusionTable(bytes, path), path)
    : parseManifest(bytes.toString("utf8"), path);
}

/** Whether bytes call themselves a manifest, whatever became of them since. */
function isManifest(bytes: Buffer): boolean {
  return bytes.includes("crossweave-exclusions") && (isArrowFile(bytes) || bytes[0] === BRACE);
}

const BRACE = 0x7b;
