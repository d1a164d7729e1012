import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentProgress } from "../../../src/core/progress.ts";
import type { Unpacking } from "../../../src/ingest/archives/archive-fault.ts";
import type { UnpackOptions } from "../../../src/ingest/archives/member-writer.ts";
import { unpackArchive } from "../../../src/ingest/archives/unpack.ts";

/** A folder of a test's own, with an archive in it and a folder `out` to unpack to. */
export class UnpackedFolder implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async create(): Promise<UnpackedFolder> {
    return new UnpackedFolder(await mkdtemp(join(tmpdir(), "crossweave-unpack-")));
  }

  get out(): string {
    return join(this.root, "out");
  }

  async unpack(
    bytes: Uint8Array,
    options: Partial<UnpackOptions> & { readonly name?: string } = {},
  ): Promise<Unpacking> {
    const { name = "archive.zip", ...rest } = options;
    await writeFile(join(this.root, name), bytes);
    return unpackArchive(join(this.root, name), {
      folder: this.out,
      progress: silentProgress,
      ...rest,
    });
  }

  /** Every file below the test's folder but the archive, with its text. */
  async files(): Promise<Record<string, string>> {
    const names = await readdir(this.root, { recursive: true, withFileTypes: true });
    const paths = names
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.root.length + 1))
      .filter((path) => !path.startsWith("archive."))
      .toSorted();
    return Object.fromEntries(
      await Promise.all(
        paths.map(async (path) => [path, await readFile(join(this.root, path), "utf8")] as const),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** Unpacks an archive of its own and gives what came of it. */
export async function unpacked(
  bytes: Uint8Array,
  options: Partial<UnpackOptions> & { readonly name?: string } = {},
): Promise<{ readonly unpacking: Unpacking; readonly files: Record<string, string> }> {
  await using folder = await UnpackedFolder.create();
  const unpacking = await folder.unpack(bytes, options);
  return { unpacking, files: await folder.files() };
}
