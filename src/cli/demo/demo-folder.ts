import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { RefusedError } from "../../core/errors.ts";
import { ProcessLock } from "../../core/locks.ts";

const LOCK_FILE = ".lock";
// The world goes last when a demo is removed: its marker tells that the rest is a demo's.
const written = [
  "report",
  "run",
  "shards",
  "exclusions.json",
  "exclusions.json.part",
  "exclusions.arrow",
  "exclusions.arrow.part",
  "world",
];
const MARKER = join("world", "small-world.json");

/**
 * Takes a folder for a demo: new, empty, or an earlier demo's, which `fresh` removes. Throws
 * RefusedError when another demo runs there or when it holds anything else.
 */
export async function claimDemoFolder(
  folder: string,
  { fresh }: { readonly fresh: boolean },
): Promise<Disposable> {
  await mkdir(folder, { recursive: true });
  await refuseForeign(folder);
  const lock = ProcessLock.tryAcquire(join(folder, LOCK_FILE));
  if (lock === undefined) {
    throw new RefusedError(`${folder}: another demo runs in this folder`, {
      file: folder,
      remedy: "wait for it, or name another folder with --out",
    });
  }
  if (fresh) {
    for (const name of written) await rm(join(folder, name), { recursive: true, force: true });
  }
  return lock;
}

async function refuseForeign(folder: string): Promise<void> {
  const ours = new Set([...ProcessLock.filesOf(LOCK_FILE), "lost+found", "world"]);
  if (existsSync(join(folder, MARKER))) for (const name of written) ours.add(name);
  const foreign = (await readdir(folder)).toSorted().find((name) => !ours.has(name));
  if (foreign === undefined) return;
  throw new RefusedError(`${folder} is not empty: it holds ${foreign}, which no demo wrote`, {
    file: join(folder, foreign),
    remedy: "name another folder with --out",
  });
}
