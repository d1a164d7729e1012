import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { errnoOf, SourceError, StateError } from "../../core/errors.ts";
import type { NamedTensor, TensorEntry } from "./element-types.ts";
import { TensorFile } from "./tensor-file.ts";
import { INDEX_SUFFIX, SAFETENSORS_SUFFIX } from "./tensor-writer.ts";

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** The tensors of one safetensors file, or of all files that an index of the transformers library names. */
export class TensorFiles implements AsyncDisposable {
  readonly entries: readonly TensorEntry[];
  readonly #files: AsyncDisposableStack;
  readonly #fileOf: ReadonlyMap<TensorEntry, TensorFile>;

  private constructor(files: AsyncDisposableStack, opened: readonly TensorFile[]) {
    this.#files = files;
    this.#fileOf = new Map(
      opened.flatMap((file) => file.entries.map((entry) => [entry, file] as const)),
    );
    this.entries = [...this.#fileOf.keys()];
  }

  /**
   * Opens a file, an index, or the one of both in a folder. SourceError when there is none, StateError when one is
   * malformed or the files do not hold what the index says.
   */
  static async open(path: string): Promise<TensorFiles> {
    const found = await insideFolder(path);
    await using stack = new AsyncDisposableStack();
    const index = found.endsWith(".json") ? await readIndex(found) : undefined;
    const names = index === undefined ? [basename(found)] : [...new Set(index.values())];
    const opened: TensorFile[] = [];
    for (const name of names) {
      opened.push(stack.use(await TensorFile.open(join(dirname(found), name))));
    }
    if (index !== undefined) requireListed(opened, index, found);
    return new TensorFiles(stack.move(), opened);
  }

  /** Reads one of `entries` into memory of its own; throws as TensorFile.read does. */
  async read(entry: TensorEntry): Promise<NamedTensor> {
    const file = this.#fileOf.get(entry);
    if (file === undefined) throw new RangeError(`${entry.name} is no entry of these files`);
    return await file.read(entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#files.disposeAsync();
  }
}

const USUAL_STEM = "model";

/** In a folder, the file or the index that the transformers library would read there. */
async function insideFolder(path: string): Promise<string> {
  if (!(await isFolder(path))) return path;
  const names = await readdir(path);
  const usual = [USUAL_STEM + INDEX_SUFFIX, USUAL_STEM + SAFETENSORS_SUFFIX];
  const found = usual.find((name) => names.includes(name));
  if (found !== undefined) return join(path, found);
  throw new SourceError(`${path} has neither ${usual.join(" nor ")}`, {
    file: path,
    remedy: "name the file itself",
  });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    const remedy = "name a safetensors file, an index, or a folder that holds one";
    throw new SourceError(`${path}: there is no such file`, { file: path, remedy });
  }
}

/** The file of each tensor, by name; a file is named without a folder. */
async function readIndex(path: string): Promise<ReadonlyMap<string, string>> {
  const index = indexSchema.safeParse(await readJson(path));
  if (!index.success) throw malformedIndex(path, z.prettifyError(index.error));
  const map = new Map(Object.entries(index.data.weight_map));
  const astray = [...map.values()].find((file) => basename(file) !== file || file === "..");
  if (astray === undefined) return map;
  throw malformedIndex(path, `${astray} is no file beside the index`);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw malformedIndex(path, String(error));
    throw error;
  }
}

function requireListed(
  files: readonly TensorFile[],
  index: ReadonlyMap<string, string>,
  path: string,
): void {
  const found = new Map(
    files.flatMap((file) => file.entries.map(({ name }) => [name, basename(file.path)] as const)),
  );
  const count = files.reduce((sum, file) => sum + file.entries.length, 0);
  if (found.size !== count)
    throw malformedIndex(path, "two of its files have a tensor of one name");
  for (const [name, file] of index) {
    if (found.get(name) !== file) throw malformedIndex(path, `${file} has no tensor ${name}`);
  }
  const unlisted = [...found.keys()].find((name) => !index.has(name));
  if (unlisted === undefined) return;
  throw malformedIndex(path, `${found.get(unlisted)} has ${unlisted}, which is not listed`);
}

function malformedIndex(file: string, fault: string): StateError {
  return new StateError(`${file}: not a sound index of safetensors files: ${fault}`, {
    file,
    remedy: "take the index and its files from their source again",
  });
}
