import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { NetResponse } from "../network/http-client.ts";
import { NetFault } from "../../core/network/net-fault.ts";
import type { OfficialDownload } from "./download-manifest.ts";
import type { FileRecord } from "./fetch-records.ts";

/** The strongest thing that a file was compared with. */
export type Proof =
  | "the publisher's SHA-256"
  | "the publisher's MD5"
  | "the digest of the first fetch"
  | "the server's digest"
  | "the publisher's size"
  | "nothing";

/** Digests that a server states of what it sends. */
export interface StatedDigests {
  readonly sha256?: string | undefined;
  readonly md5?: string | undefined;
}

/** What is known of a file that is to be taken. */
export interface KnownOfFile {
  readonly wanted: Pick<OfficialDownload, "sizeBytes" | "sha256" | "md5">;
  readonly recorded: FileRecord | undefined;
  readonly stated?: StatedDigests;
  readonly trustNew: boolean;
}

const CHUNK_BYTES = 2 ** 20;

/**
 * Reads a file and compares it with all that is known of it. Throws NetFault `NET_HASH_MISMATCH` when
 * it is not the file that was published or fetched before, `NET_LENGTH` when it was damaged on its way.
 */
export async function requireRight(
  path: string,
  { wanted, recorded, stated = {}, trustNew }: KnownOfFile,
): Promise<{ readonly file: FileRecord; readonly proof: Proof }> {
  const found = await digestsOf(path);
  const file = { sizeBytes: found.sizeBytes, sha256: found.sha256 };
  if (!isAs(stated.sha256, found.sha256) || !isAs(stated.md5, found.md5))
    throw new NetFault("NET_LENGTH", "it has not the digest that the server states");
  const proof = strongest(wanted, recorded, stated);
  if (trustNew) return { file, proof };
  const published = "it is not what its publisher offered";
  if (!isAs(wanted.sizeBytes, found.sizeBytes))
    throw mismatch(`${published}: ${found.sizeBytes} bytes, not ${wanted.sizeBytes}`);
  if (!isAs(wanted.sha256, found.sha256))
    throw mismatch(`${published}: SHA-256 ${found.sha256}, not ${wanted.sha256}`);
  if (!isAs(wanted.md5, found.md5))
    throw mismatch(`${published}: MD5 ${found.md5}, not ${wanted.md5}`);
  if (!isAs(recorded?.sha256, found.sha256))
    throw mismatch(
      `it changed since it was first fetched: SHA-256 ${found.sha256}, not ${recorded?.sha256}`,
    );
  return { file, proof };
}

function isAs<T>(expected: T | undefined, found: T): boolean {
  return expected === undefined || expected === found;
}

function strongest(
  wanted: KnownOfFile["wanted"],
  recorded: FileRecord | undefined,
  stated: StatedDigests,
): Proof {
  if (wanted.sha256 !== undefined) return "the publisher's SHA-256";
  if (wanted.md5 !== undefined) return "the publisher's MD5";
  if (recorded !== undefined) return "the digest of the first fetch";
  if (stated.sha256 !== undefined || stated.md5 !== undefined) return "the server's digest";
  return wanted.sizeBytes === undefined ? "nothing" : "the publisher's size";
}

/** The fault of content that is not what it was. */
export function mismatch(message: string): NetFault {
  return new NetFault("NET_HASH_MISMATCH", message);
}

async function digestsOf(path: string): Promise<FileRecord & { readonly md5: string }> {
  const hashes: readonly Hash[] = [createHash("sha256"), createHash("md5")];
  let sizeBytes = 0;
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    for (const hash of hashes) hash.update(chunk);
  }
  const [sha256 = "", md5 = ""] = hashes.map((hash) => hash.digest("hex"));
  return { sizeBytes, sha256, md5 };
}

/** The digests of the whole file in a response's headers: Repr-Digest, x-goog-hash, Content-MD5. */
export function statedDigests(response: NetResponse): StatedDigests {
  const representation = response.headers("repr-digest").join(",");
  const [, sha256] = /\bsha-256=:([A-Za-z0-9+/=]{44}):/.exec(representation) ?? [];
  const [, googleMd5] =
    /\bmd5=([A-Za-z0-9+/]{22}==)/.exec(response.headers("x-goog-hash").join(",")) ?? [];
  // Of a range, Content-MD5 is the digest of the range.
  const contentMd5 = response.status === 200 ? response.header("content-md5") : undefined;
  return { sha256: hexOf(sha256, 32), md5: hexOf(googleMd5 ?? contentMd5, 16) };
}

function hexOf(base64: string | undefined, numBytes: number): string | undefined {
  const bytes = Buffer.from(base64 ?? "", "base64");
  return bytes.length === numBytes ? bytes.toString("hex") : undefined;
}
