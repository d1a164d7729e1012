import { closeSync, openSync, read, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { errnoOf, SourceError } from "../../core/errors.ts";
import type { ImageKey } from "../../core/keys.ts";
import {
  type AnnotationFile,
  AnnotationReader,
  type FileDigest,
  findAnnotationFile,
} from "../annotations/annotation-file.ts";
import { readTextLines, type TextLine } from "../annotations/text-lines.ts";
import { codeColumn, rowColumn, wideColumn } from "../tables/column.ts";
import { IdIndex } from "../tables/id-index.ts";
import type { Detections } from "./detections.ts";
import type { EntrySource, OpenOptions } from "./entry-source.ts";
import { keyOfImageId } from "./picture-names.ts";
import { RegionFault } from "./region-fault.ts";
import type { TsvRegionFile, TsvRegionPolicy } from "./region-policy.ts";
import { imageIdOf, layoutOf, parseRow, type TsvLayout } from "./tsv-row.ts";

const readAt = promisify(read);

type TsvOptions = OpenOptions<TsvRegionPolicy>;

interface IndexedFile {
  readonly file: AnnotationFile;
  readonly descriptor: number;
  readonly layout: TsvLayout;
}

/**
 * Files of bottom-up attention. One pass notes where the line of each picture lies (20 bytes of memory a line, the
 * size of the line does not matter) and takes the files' digests; then one positional read gives one picture.
 * Throws SourceError when a file is missing or none of the known forms.
 */
export async function openTsvFiles(options: TsvOptions): Promise<EntrySource> {
  using opened = new DisposableStack();
  const index = new LineIndex();
  const files: IndexedFile[] = [];
  const digests: FileDigest[] = [];
  for (const described of options.policy.files) {
    const file = await plainFile(described, options);
    const job = { described, fileNumber: files.length, index, options };
    const { layout, digest } = await indexLines(file, job);
    const descriptor = opened.adopt(openSync(file.absolutePath, "r"), closeSync);
    files.push({ file, descriptor, layout });
    digests.push(digest);
  }
  return new TsvFiles({ files, digests, index, policy: options.policy, owned: opened.move() });
}

async function plainFile(
  { path }: TsvRegionFile,
  { sourceFolder }: TsvOptions,
): Promise<AnnotationFile> {
  const file = await findAnnotationFile(sourceFolder, path);
  if (file?.path === path) return file;
  const found = file === undefined ? "is not there" : `is there only as ${file.path}`;
  const remedy =
    file === undefined
      ? `put the region features there, below ${sourceFolder}, or take "regions" out of the recipe`
      : "unpack it: lines are read one at a time, from any place of the file";
  throw new SourceError(`${path} ${found}`, { file: join(sourceFolder, path), remedy });
}

interface IndexJob {
  readonly described: TsvRegionFile;
  readonly fileNumber: number;
  readonly index: LineIndex;
  readonly options: TsvOptions;
}

async function indexLines(
  file: AnnotationFile,
  { described, fileNumber, index, options }: IndexJob,
): Promise<{ layout: TsvLayout; digest: FileDigest }> {
  const { progress, signal } = options;
  const reader = new AnnotationReader(file, signal);
  const activity = `region features of ${file.path}`;
  const total = statSync(file.absolutePath).size;
  const { pictures } = described;
  const unnamed: number[] = [];
  let layout: TsvLayout | undefined;
  let lineNumber = 0;
  for await (const { bytes, byteOffset } of eachLine(reader)) {
    lineNumber += 1;
    const known = layout ?? requireLayout(bytes, file);
    const isHeader = layout === undefined && known.hasHeader;
    layout = known;
    if (isHeader || bytes.length === 0) continue;
    const [offset, sizeBytes] = [byteOffset + reader.markBytes, bytes.length];
    const key = keyOfImageId(imageIdOf(bytes, known), pictures);
    if (key === undefined) unnamed.push(lineNumber);
    else index.add(key, { fileNumber, lineNumber, offset, sizeBytes });
    progress.report({ activity, done: offset + sizeBytes, total, unit: "bytes" });
  }
  if (layout === undefined) throw notRegions(file, "it is empty");
  if (unnamed.length > 0) {
    const message = `${unnamed.length} lines name no picture of ${pictures}, the first is line ${unnamed[0]}`;
    progress.say(`${file.path}: ${message}`);
  }
  return { layout, digest: reader.digest };
}

async function* eachLine(reader: AnnotationReader): AsyncGenerator<TextLine> {
  for await (const lines of readTextLines(reader)) yield* lines;
}

function requireLayout(firstLine: Buffer, file: AnnotationFile): TsvLayout {
  const layout = layoutOf(firstLine);
  if (layout !== undefined) return layout;
  throw notRegions(file, "its first line has neither 6, 7 or 10 columns nor their names");
}

function notRegions(file: AnnotationFile, found: string): SourceError {
  return new SourceError(`${file.path} is no file of region features: ${found}`, {
    file: file.absolutePath,
    record: "line 1",
    remedy: "download it again, or put the names of its columns into its first line",
  });
}

interface LinePlace {
  readonly fileNumber: number;
  readonly lineNumber: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** Where the lines of pictures lie, in columns of numbers: no object for each line. */
class LineIndex {
  readonly #keys = new IdIndex();
  readonly #files = codeColumn();
  readonly #lineNumbers = rowColumn();
  readonly #offsets = wideColumn();
  readonly #sizes = rowColumn();
  /** Lines of a picture that has one already. */
  readonly #repeated = new Map<number, LinePlace[]>();

  add(key: ImageKey, place: LinePlace): void {
    const row = this.#offsets.length;
    const known = this.#keys.claim(key, row);
    if (known === row) {
      this.#files.push(place.fileNumber);
      this.#lineNumbers.push(place.lineNumber);
      this.#offsets.push(place.offset);
      this.#sizes.push(place.sizeBytes);
      return;
    }
    const others = this.#repeated.get(known);
    if (others === undefined) this.#repeated.set(known, [place]);
    else others.push(place);
  }

  has(key: ImageKey): boolean {
    return this.#keys.get(key) !== undefined;
  }

  /** Every line of a picture, the first one first. */
  linesOf(key: ImageKey): readonly LinePlace[] {
    const row = this.#keys.get(key);
    if (row === undefined) return [];
    const first = {
      fileNumber: this.#files.at(row),
      lineNumber: this.#lineNumbers.at(row),
      offset: this.#offsets.at(row),
      sizeBytes: this.#sizes.at(row),
    };
    return [first, ...(this.#repeated.get(row) ?? [])];
  }
}

class TsvFiles implements EntrySource {
  readonly files: readonly FileDigest[];
  readonly digest: string;
  readonly #files: readonly IndexedFile[];
  readonly #index: LineIndex;
  readonly #policy: TsvRegionPolicy;
  readonly #owned: DisposableStack;

  constructor(content: {
    files: readonly IndexedFile[];
    digests: readonly FileDigest[];
    index: LineIndex;
    policy: TsvRegionPolicy;
    owned: DisposableStack;
  }) {
    this.files = content.digests;
    this.digest = sha256(canonicalJson(content.digests.map((digest) => ({ ...digest }))));
    this.#files = content.files;
    this.#index = content.index;
    this.#policy = content.policy;
    this.#owned = content.owned;
  }

  has(key: ImageKey): boolean {
    return this.#index.has(key);
  }

  async read(key: ImageKey): Promise<Detections | undefined> {
    const [first, ...others] = this.#index.linesOf(key);
    if (first === undefined) return undefined;
    const line = await this.#line(first, key);
    for (const other of others) {
      if (line.equals(await this.#line(other, key))) continue;
      const places = `${this.#placeOf(first)} and ${this.#placeOf(other)}`;
      throw new RegionFault("REG_TWICE", `${places} say different things about ${key}`);
    }
    const { layout } = this.#fileOf(first);
    return parseRow(line, layout, { policy: this.#policy, place: this.#placeOf(first) });
  }

  [Symbol.dispose](): void {
    this.#owned.dispose();
  }

  async #line(place: LinePlace, key: ImageKey): Promise<Buffer> {
    const { descriptor, layout, file } = this.#fileOf(place);
    const line = Buffer.allocUnsafeSlow(place.sizeBytes);
    const reading = readAt(descriptor, line, 0, place.sizeBytes, place.offset);
    const { bytesRead } = await reading.catch((error: unknown) => {
      throw unreadable(file, errnoOf(error) ?? "fault", error);
    });
    const described = this.#policy.files[place.fileNumber];
    const found = described && keyOfImageId(imageIdOf(line, layout), described.pictures);
    if (bytesRead === place.sizeBytes && found === key) return line;
    throw unreadable(file, "it was changed after it was indexed");
  }

  #fileOf({ fileNumber }: LinePlace): IndexedFile {
    const file = this.#files[fileNumber];
    if (file === undefined) throw new Error(`there is no file ${fileNumber}`);
    return file;
  }

  #placeOf(place: LinePlace): string {
    return `${this.#fileOf(place).file.path} line ${place.lineNumber}`;
  }
}

function unreadable(file: AnnotationFile, why: string, cause?: unknown): SourceError {
  return new SourceError(`${file.path}: the region features cannot be read (${why})`, {
    file: file.absolutePath,
    remedy: "put it back as it was, then run the same command again",
    cause,
  });
}
