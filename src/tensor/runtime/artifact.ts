import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { sha256OfFile } from "../../core/digest.ts";
import { errnoOf } from "../../core/errors.ts";
import { syncFolder, writeFileAtomically } from "../../core/files.ts";

// An artifact is a folder that is either complete or not there: it is built under another name,
// its manifest is written last, and one rename gives it its name.

const MANIFEST = "complete.json";

/** What a complete artifact holds; paths are relative to its folder. */
export interface ArtifactManifest {
  readonly format: "crossweave-artifact";
  readonly version: 1;
  readonly facts: ArtifactFacts;
  readonly files: readonly ArtifactFile[];
}

/** The facts to record of what was built, such as the compiler's version. */
export type ArtifactFacts = Readonly<Record<string, string>>;

interface ArtifactFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

const manifestParser: z.ZodType<ArtifactManifest> = z.object({
  format: z.literal("crossweave-artifact"),
  version: z.literal(1),
  facts: z.record(z.string(), z.string()),
  files: z.array(z.object({ path: z.string(), sizeBytes: z.number(), sha256: z.string() })),
});

/** The manifest when the folder is complete and every file has its recorded size, else undefined. */
export async function readArtifact(folder: string): Promise<ArtifactManifest | undefined> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) return undefined;
  for (const file of manifest.files) {
    const size = await sizeOf(join(folder, file.path));
    if (size !== file.sizeBytes) return undefined;
  }
  return manifest;
}

/** The first file whose bytes are not the recorded ones, or undefined when all are. */
export async function findDamage(
  folder: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) return MANIFEST;
  for (const file of manifest.files) {
    signal?.throwIfAborted();
    const path = join(folder, file.path);
    const matches =
      (await sizeOf(path)) === file.sizeBytes && (await sha256OfFile(path, signal)) === file.sha256;
    if (!matches) return file.path;
  }
  return undefined;
}

/** Builds the folder anew. The caller holds the lock; an earlier, broken or partial one is removed. */
export async function buildArtifact(
  folder: string,
  build: (partial: string) => Promise<ArtifactFacts>,
): Promise<ArtifactManifest> {
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const facts = await build(partial);
  const manifest: ArtifactManifest = {
    format: "crossweave-artifact",
    version: 1,
    facts,
    files: await describeFiles(partial),
  };
  await writeFileAtomically(join(partial, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`);
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
  await syncFolder(dirname(folder));
  return manifest;
}

async function readManifest(folder: string): Promise<ArtifactManifest | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(join(folder, MANIFEST), "utf8"));
    return manifestParser.safeParse(content).data;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR" || error instanceof SyntaxError)
      return undefined;
    throw error;
  }
}

async function describeFiles(folder: string): Promise<readonly ArtifactFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: ArtifactFile[] = [];
  for (const entry of entries.filter((item) => item.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const { size } = await stat(path);
    files.push({
      path: relative(folder, path),
      sizeBytes: size,
      sha256: await sha256OfFile(path),
    });
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}
