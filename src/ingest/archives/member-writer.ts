import { createHash } from "node:crypto";
import { type FileHandle, lstat, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { sha256, sha256OfFile } from "../../core/digest.ts";
import { errnoOf } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { ArchiveFault, type LeftOutMember, type Unpacking } from "./archive-fault.ts";
import { MemberIndex } from "./member-index.ts";
import { safeMemberPath, shownName, UNFINISHED_MEMBER } from "./member-name.ts";
import { UnfinishedFiles } from "./unfinished-files.ts";

/** Where and how an archive is unpacked. */
export interface UnpackOptions {
  readonly folder: string;
  /** Whether a member is wanted, by its path; all are when not given. */
  readonly wants?: ((path: string) => boolean) | undefined;
  readonly limits?: Partial<UnpackLimits> | undefined;
  /** This very archive was unpacked here before: a file of the right size is taken for its member. */
  readonly knownComplete?: boolean | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** From where on an archive is taken for a bomb. */
export interface UnpackLimits {
  /** Unpacked bytes for each packed one, of a member that unpacks to more than a mebibyte. */
  readonly maxRatio: number;
  /** Unpacked bytes of all members. */
  readonly maxTotalBytes: number;
}

const DEFAULT_LIMITS: UnpackLimits = { maxRatio: 200, maxTotalBytes: 2 ** 40 };
const RATIO_FREE_BYTES = 2 ** 20;
const MAX_LISTED = 1000;
const REPORT_EVERY = 100;

/** A member that is about to be written. */
export interface PackedMember {
  readonly rawName: Uint8Array;
  readonly byteOffset: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  /** Undefined where the format has none. */
  readonly crc32: number | undefined;
}

/**
 * Writes members below one folder. No file shows under its name before it is complete and its size and
 * CRC-32 are right; a file that is there already is never overwritten.
 */
export class MemberWriter implements AsyncDisposable {
  readonly #options: UnpackOptions;
  readonly #limits: UnpackLimits;
  readonly #index = new MemberIndex();
  readonly #leftOut: LeftOutMember[] = [];
  readonly #madeFolders = new Set<string>();
  readonly #unfinished: UnfinishedFiles;
  #numLeftOut = 0;
  #numFiles = 0;
  #numWritten = 0;
  #sizeBytes = 0;

  constructor(options: UnpackOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#unfinished = new UnfinishedFiles(join(options.folder, UNFINISHED_MEMBER));
  }

  get index(): MemberIndex {
    return this.#index;
  }

  get maxRatio(): number {
    return this.#limits.maxRatio;
  }

  /**
   * Writes a member, or notes why it is left out. `content` is read only for members that are wanted.
   * Throws what is wrong with the whole archive, or with the disk.
   */
  async add(member: PackedMember, content: () => AsyncIterable<Buffer>): Promise<void> {
    this.#options.signal?.throwIfAborted();
    try {
      const path = safeMemberPath(member.rawName);
      if (this.#options.wants?.(path) === false) return;
      if (!this.#index.takeName(path)) {
        const message = "another member has this name, or one that some file systems take for it";
        throw new ArchiveFault("ARC_DUP_NAME", message);
      }
      await this.#place(path, member, content);
      this.#numFiles += 1;
      if (this.#numFiles % REPORT_EVERY === 0) this.#report();
    } catch (error) {
      this.leaveOut(member, error);
    }
  }

  /** Notes a fault of one member; throws it again when it is none. */
  leaveOut(member: Pick<PackedMember, "rawName" | "byteOffset">, error: unknown): void {
    if (!(error instanceof ArchiveFault) || error.code === "ARC_TRUNCATED") throw error;
    this.#numLeftOut += 1;
    // One check for the total: a member that goes over it ends the archive.
    if (error.code === "ARC_BOMB" && this.#sizeBytes > this.#limits.maxTotalBytes) throw error;
    if (this.#leftOut.length >= MAX_LISTED) return;
    const { rawName, byteOffset } = member;
    const nameSha256 = sha256(rawName);
    const { code, message } = error;
    this.#leftOut.push({ member: shownName(rawName), nameSha256, byteOffset, code, message });
  }

  /** What was done, of an archive that is complete or ends at `cutAt`, once all of it is on the disk. */
  async done(cutAt?: number): Promise<Unpacking> {
    await this.#unfinished.finishAll();
    this.#report();
    return {
      numFiles: this.#numFiles,
      numWritten: this.#numWritten,
      sizeBytes: this.#sizeBytes,
      numLeftOut: this.#numLeftOut,
      leftOut: this.#leftOut,
      cutAt,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#unfinished[Symbol.asyncDispose]();
    this.#index[Symbol.dispose]();
  }

  #report(): void {
    this.#options.progress.report({ activity: "unpacking", done: this.#numFiles, unit: "files" });
  }

  async #place(
    path: string,
    member: PackedMember,
    content: () => AsyncIterable<Buffer>,
  ): Promise<void> {
    const target = join(this.#options.folder, path);
    await this.#unfinished.finishAbove(target);
    await this.#makeFolder(dirname(target));
    if (await isThere(target)) return this.#compare(target, member, content);
    await this.#unfinished.write(target, (file) =>
      this.#copy(member, content(), (chunk) => writeAll(file, chunk)),
    );
    this.#numWritten += 1;
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#madeFolders.has(folder)) return;
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      const errno = errnoOf(error) ?? "";
      if (folder === this.#options.folder || !["EEXIST", "ENOTDIR"].includes(errno)) throw error;
      throw new ArchiveFault("ARC_DUP_NAME", "a file is where its folder should be", error);
    }
    this.#madeFolders.add(folder);
  }

  /** A file that is there with the same content is what an earlier, interrupted call has written. */
  async #compare(
    target: string,
    member: PackedMember,
    content: () => AsyncIterable<Buffer>,
  ): Promise<void> {
    const found = await lstat(target);
    const differs = new ArchiveFault(
      "ARC_EXISTS",
      "something else is there under its name; remove it to have this member",
    );
    if (!found.isFile() || found.size !== member.sizeBytes) throw differs;
    if (this.#options.knownComplete === true) {
      this.#sizeBytes += found.size;
      return;
    }
    const hash = createHash("sha256");
    await this.#copy(member, content(), (chunk) => void hash.update(chunk));
    if (hash.digest("hex") !== (await sha256OfFile(target))) throw differs;
  }

  async #copy(
    member: PackedMember,
    content: AsyncIterable<Buffer>,
    write: (chunk: Buffer) => Promise<void> | void,
  ): Promise<void> {
    let sizeBytes = 0;
    let checksum = 0;
    for await (const chunk of content) {
      this.#options.signal?.throwIfAborted();
      sizeBytes += chunk.length;
      this.#sizeBytes += chunk.length;
      this.#refuseBomb(member, sizeBytes);
      if (sizeBytes > member.sizeBytes) throw wrongSize(member, `more than ${member.sizeBytes}`);
      checksum = crc32(chunk, checksum);
      await write(chunk);
    }
    if (sizeBytes !== member.sizeBytes) throw wrongSize(member, String(sizeBytes));
    if (member.crc32 === undefined || member.crc32 === checksum) return;
    const message = `its CRC-32 is ${hex(checksum)}, the archive says ${hex(member.crc32)}`;
    throw new ArchiveFault("ARC_CRC", message);
  }

  #refuseBomb(member: PackedMember, sizeBytes: number): void {
    const { maxRatio, maxTotalBytes } = this.#limits;
    if (this.#sizeBytes > maxTotalBytes) {
      const message = `the archive unpacks to more than ${maxTotalBytes} bytes`;
      throw new ArchiveFault("ARC_BOMB", message);
    }
    if (sizeBytes <= Math.max(RATIO_FREE_BYTES, maxRatio * member.packedBytes)) return;
    const message = `${member.packedBytes} packed bytes unpack to more than ${maxRatio} times as many`;
    throw new ArchiveFault("ARC_BOMB", message);
  }
}

function wrongSize(member: PackedMember, found: string): ArchiveFault {
  const message = `it unpacks to ${found} bytes, the archive says ${member.sizeBytes}`;
  return new ArchiveFault("ARC_CRC", message);
}

function hex(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let offset = 0; offset < chunk.length;) {
    offset += (await file.write(chunk, offset)).bytesWritten;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}
