import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, errnoOf, RefusedError } from "../../core/errors.ts";
import { explainedWriteError, writeFileAtomically } from "../../core/files.ts";
import { ProcessLock } from "../../core/locks.ts";
import {
  CROISSANT_FILE,
  INDEX_FILE,
  LEDGER_FILE,
  PROOF_FILE,
  readIndex,
  type ShardSetIndex,
  UNFINISHED_FOLDER,
} from "../../shards/shard-set-index.ts";

/** What a preparation writes to a folder, and what tells it from any other. */
export interface Claim {
  readonly folder: string;
  readonly recipe: string;
  readonly planDigest: string;
  readonly splits: readonly string[];
}

const claimSchema = z.strictObject({
  recipe: z.string(),
  planDigest: z.string(),
  splits: z.array(z.string()),
});
const holderSchema = z.object({ pid: z.int(), host: z.string(), since: z.string() });
const plannedRecipe = z.object({ planDigest: z.string() });

/** Holds the account of annotation files whose pictures were not looked at. */
export const ANNOTATIONS_FILE = "annotations.json";
const CLAIM_FILE = "preparation.json";
const HOLDER_FILE = "holder.json";
const LOCK_FILE = "lock";

/** The finished set in a folder, or undefined when there is none. Throws ShardError when it is damaged. */
export async function finishedSet(folder: string): Promise<ShardSetIndex | undefined> {
  return existsSync(join(folder, INDEX_FILE)) ? readIndex(folder) : undefined;
}

/** Whether a set is what this claim would write. */
export function isSetOf(index: ShardSetIndex, { planDigest }: Claim): boolean {
  return plannedRecipe.safeParse(index.recipe).data?.planDigest === planDigest;
}

/**
 * Takes an output folder for one preparation: it is new, empty, or holds the same preparation,
 * interrupted. Nobody else can take it until disposal, also after a crash.
 * Throws RefusedError when another process has it, or when it holds anything else.
 */
export async function claimFolder(claim: Claim): Promise<Disposable> {
  const lock = await lockFolder(claim.folder);
  try {
    const earlier = await readClaim(claim.folder);
    if (earlier === undefined) await refuseForeign(claim.folder);
    else if (earlier.planDigest !== claim.planDigest) throw otherPreparation(claim, earlier.recipe);
    const { folder, ...content } = claim;
    const text = `${JSON.stringify(content)}\n`;
    await writeFileAtomically(join(folder, UNFINISHED_FOLDER, CLAIM_FILE), text);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw explainedWriteError(error, claim.folder);
  }
}

/** Throws RefusedError when the folder holds an account of annotations instead of a set. */
export function refuseAccount({ folder }: Claim): void {
  if (!existsSync(join(folder, ANNOTATIONS_FILE))) return;
  throw new RefusedError(`${folder} holds an account of annotations and no set`, {
    file: join(folder, ANNOTATIONS_FILE),
    remedy: "choose another --out folder, or add --fresh to remove it and start over",
  });
}

/** Says that a finished set is another one than the claim's. */
export function refuseFinished(claim: Claim, index: ShardSetIndex): never {
  throw otherPreparation(claim, index.name);
}

function otherPreparation({ folder, recipe }: Claim, found: string): RefusedError {
  const what =
    found === recipe
      ? `recipe "${recipe}" with other settings, exclusions, annotation files or pictures`
      : `recipe "${found}"`;
  return new RefusedError(`${folder} holds a preparation of ${what}`, {
    file: folder,
    remedy: "choose another --out folder, or add --fresh to remove it and start over",
  });
}

/**
 * Removes what earlier preparations wrote to a folder, and nothing else.
 * Throws RefusedError when another process works there, or when other files remain.
 */
export async function clearFolder(claim: Claim): Promise<void> {
  if (!existsSync(claim.folder)) return;
  const wasOurs = await holdsPreparation(claim.folder);
  if (!wasOurs) return refuseForeign(claim.folder);
  using held = new DisposableStack();
  held.use(await lockFolder(claim.folder));
  const earlier = await readClaim(claim.folder);
  const index = await finishedSet(claim.folder).catch(() => undefined);
  const splits = [
    ...claim.splits,
    ...(earlier?.splits ?? []),
    ...(index?.splits.map(({ name }) => name) ?? []),
  ];
  // The index goes first: without it, what is left is no set.
  const files = [INDEX_FILE, CROISSANT_FILE, LEDGER_FILE, PROOF_FILE, ANNOTATIONS_FILE];
  const names = files.flatMap((name) => [name, `${name}.part`]);
  for (const name of [...names, ...splits, UNFINISHED_FOLDER]) {
    await rm(join(claim.folder, name), { recursive: true, force: true });
  }
  await refuseForeign(claim.folder);
}

/** Removes what a crash after the last step of a preparation left beside the finished set. */
export async function removeLeftovers(folder: string): Promise<void> {
  if (!existsSync(join(folder, UNFINISHED_FOLDER))) return;
  using held = new DisposableStack();
  held.use(await lockFolder(folder));
  await rm(join(folder, UNFINISHED_FOLDER), { recursive: true, force: true });
}

async function holdsPreparation(folder: string): Promise<boolean> {
  const isDone = [INDEX_FILE, ANNOTATIONS_FILE].some((name) => existsSync(join(folder, name)));
  return isDone || (await readClaim(folder)) !== undefined;
}

/** Keeps other processes from writing to a set's folder. Throws RefusedError when one does. */
export async function lockFolder(folder: string): Promise<ProcessLock> {
  const unfinished = join(folder, UNFINISHED_FOLDER);
  await makeFolder(unfinished, folder);
  const lock = ProcessLock.tryAcquire(join(unfinished, LOCK_FILE));
  if (lock === undefined) throw await lockedError(folder);
  const holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  await writeFileAtomically(join(unfinished, HOLDER_FILE), `${JSON.stringify(holder)}\n`);
  return lock;
}

async function makeFolder(path: string, folder: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST" && errnoOf(error) !== "ENOTDIR") {
      throw explainedWriteError(error, folder);
    }
    throw new ConfigError(`${folder} cannot be a folder: a file is in its way`, {
      file: folder,
      remedy: "name another --out folder",
      cause: error,
    });
  }
}

async function lockedError(folder: string): Promise<RefusedError> {
  const path = join(folder, UNFINISHED_FOLDER, HOLDER_FILE);
  const holder = await readParsed(path, holderSchema);
  const who =
    holder === undefined
      ? "another process"
      : `process ${holder.pid} on ${holder.host} (since ${holder.since})`;
  return new RefusedError(`${folder} is in use: ${who} prepares a set there`, {
    file: folder,
    remedy: "wait for it or stop it, then run the same command again; or choose another --out",
  });
}

function readClaim(folder: string): Promise<z.infer<typeof claimSchema> | undefined> {
  return readParsed(join(folder, UNFINISHED_FOLDER, CLAIM_FILE), claimSchema);
}

async function readParsed<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function refuseForeign(folder: string): Promise<void> {
  const ours: ReadonlySet<string> = new Set([UNFINISHED_FOLDER, "lost+found"]);
  const name = (await readdir(folder)).toSorted().find((found) => !ours.has(found));
  if (name === undefined) return;
  throw new RefusedError(`${folder} is not empty: it holds ${name}, which no preparation wrote`, {
    file: join(folder, name),
    remedy: "choose another --out folder",
  });
}
