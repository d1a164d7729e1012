import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { ConfigError, SourceError } from "../../core/errors.ts";
import { findAnnotationFile } from "../../ingest/annotations/annotation-file.ts";

/** A source folder for as long as it is needed. */
export interface JoinedSource extends AsyncDisposable {
  readonly folder: string;
}

/**
 * One source folder for all that the user names. A single one is itself. Of several, what lies in each stands side by side
 * in a temporary folder, as links; one that is itself the folder of a captions.jsonl stands there by its name. The same
 * files give the same set, however they are named.
 * Throws SourceError for a folder that there is not, ConfigError where two have an entry of one name.
 */
export async function joinedSource(folders: readonly string[]): Promise<JoinedSource> {
  const [only] = folders;
  if (only !== undefined && folders.length === 1 && !(await isCorpus(only))) {
    return { folder: only, [Symbol.asyncDispose]: async () => {} };
  }
  const entries = await joinedEntries(folders);
  const folder = await mkdtemp(join(tmpdir(), "crossweave-source-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    for (const [name, target] of entries) await symlink(target, join(folder, name));
    return { folder, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

const CAPTIONS = "captions.jsonl";

async function isCorpus(folder: string): Promise<boolean> {
  return (await findAnnotationFile(folder, CAPTIONS)) !== undefined;
}

function isCaptions(path: string): boolean {
  return [CAPTIONS, `${CAPTIONS}.gz`, `${CAPTIONS}.zip`].includes(basename(path));
}

/** Where the entries of the joined folder lie, by their names. */
async function joinedEntries(folders: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const entries = new Map<string, string>();
  for (const folder of folders) {
    const isOwn = await isCorpus(folder);
    const own = isOwn ? [resolve(folder)] : [];
    // What is in a folder of one's own is asked for below its name, unless a published dataset is in there as well.
    const inside = isOwn && folders.length > 1 ? [] : await pathsIn(folder);
    for (const path of [...own, ...inside.filter((one) => !isCaptions(one))]) {
      const name = basename(path);
      const other = entries.get(name);
      if (other !== undefined && other !== path) throw sameName(name, folder);
      entries.set(name, path);
    }
  }
  return entries;
}

async function pathsIn(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.toSorted().map((name) => resolve(folder, name));
  } catch (error) {
    throw new SourceError(`there is no source folder ${folder}`, {
      file: folder,
      remedy: "name the folder that holds the official downloads, unpacked, with --source",
      cause: error,
    });
  }
}

function sameName(name: string, folder: string): ConfigError {
  return new ConfigError(`${folder}: another --source has ${name} too`, {
    file: folder,
    remedy: "put what belongs together into one folder, or give one of the two another name",
  });
}
