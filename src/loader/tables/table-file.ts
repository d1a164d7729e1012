import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { cacheFolder } from "../../core/cache-folder.ts";
import { canonicalJson, type JsonValue, sha256 } from "../../core/digest.ts";
import { errnoOf } from "../../core/errors.ts";
import { writeFileAtomically } from "../../core/files.ts";
import { ProcessLock } from "../../core/locks.ts";

const DIGEST_BYTES = 32;

/** The file in the cache folder of a table that depends on `key` alone. */
export function tableFile(key: JsonValue): string {
  return join(cacheFolder(), "loader-tables", `${sha256(canonicalJson(key))}.table`);
}

/**
 * Lets one process of a machine compute a table and write it, while the others wait and read it. `read` says whether
 * the file was whole. Where nothing can be written, each start computes.
 */
export async function readOrCompute(
  file: string,
  table: {
    readonly read: (payload: Uint8Array) => boolean;
    readonly compute: () => Promise<readonly Uint8Array[]>;
  },
): Promise<void> {
  if (await readTable(file, table.read)) return;
  using lock = await lockOn(file);
  if (lock !== undefined && (await readTable(file, table.read))) return;
  const parts = await table.compute();
  if (lock !== undefined) await writeTable(file, parts);
}

/** False where there is no file, or one that is damaged. */
async function readTable(file: string, read: (payload: Uint8Array) => boolean): Promise<boolean> {
  const content = await readFile(file).catch((error: unknown) => {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  });
  if (content === undefined || content.length < DIGEST_BYTES) return false;
  const payload = content.subarray(DIGEST_BYTES);
  const digest = createHash("sha256").update(payload).digest();
  return digest.equals(content.subarray(0, DIGEST_BYTES)) && read(payload);
}

async function writeTable(file: string, parts: readonly Uint8Array[]): Promise<void> {
  const payload = Buffer.concat(parts);
  const digest = createHash("sha256").update(payload).digest();
  await writeFileAtomically(file, Buffer.concat([digest, payload])).catch(unlessUnwritable);
}

/** Undefined where the cache folder cannot be written to. */
async function lockOn(file: string): Promise<ProcessLock | undefined> {
  try {
    await mkdir(dirname(file), { recursive: true });
    return await ProcessLock.acquire(join(dirname(file), "tables.lock"));
  } catch (error) {
    unlessUnwritable(error);
    return undefined;
  }
}

function unlessUnwritable(error: unknown): void {
  const unwritable = ["EROFS", "EACCES", "EPERM", "ENOSPC", "EDQUOT", "ENOTDIR", "EEXIST"];
  if (!unwritable.includes(errnoOf(error) ?? "")) throw error;
}

/** Little-endian on every machine that Node runs on. */
export function bytesOf(array: Uint8Array | Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
