import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { basename } from "node:path";
import { z } from "zod";
import { ConfigError, errnoOf, SourceError } from "../../core/errors.ts";
import { AnnotationReader } from "../annotations/annotation-file.ts";
import { readJsonElements } from "../annotations/json-elements.ts";

/** One picture of a list. */
export interface ListedPicture {
  readonly url: string;
  /** What its content was when the list was made, where the list says it. */
  readonly sha256: string | undefined;
}

const MAX_LINE_CHARACTERS = 2 ** 20;
const listedPicture = z.object({ url: z.string(), sha256: z.string().nullish() });

/**
 * The pictures that a list names, in its order: ".tsv" as Conceptual Captions has it (caption, URL),
 * ".json" as SBU has it (`image_urls`), ".jsonl" with `url` and perhaps `sha256` (what a fetch writes
 * itself), ".txt" with a URL a line; each may be gzipped. Throws SourceError for a damaged list.
 */
export async function* readPictureList(path: string): AsyncGenerator<ListedPicture> {
  const name = basename(path).replace(/\.gz$/, "");
  if (name.endsWith(".json")) return yield* readParallelLists(path);
  const read = readerOf(name);
  let lineNumber = 0;
  for await (const line of linesOf(path)) {
    lineNumber += 1;
    if (line.trim() !== "") yield read(line, { path, lineNumber });
  }
}

interface LinePlace {
  readonly path: string;
  readonly lineNumber: number;
}

function readerOf(name: string): (line: string, place: LinePlace) => ListedPicture {
  if (name.endsWith(".jsonl")) return readJsonLine;
  if (name.endsWith(".tsv")) return readTabbedLine;
  if (name.endsWith(".txt")) return (line) => ({ url: line, sha256: undefined });
  throw new ConfigError(`${name} is no list of pictures`, {
    file: name,
    remedy: "name a .tsv, .json, .jsonl or .txt file, or one of these with .gz after it",
  });
}

function readTabbedLine(line: string): ListedPicture {
  const [first = "", second] = line.split("\t");
  return { url: second ?? first, sha256: undefined };
}

function readJsonLine(line: string, { path, lineNumber }: LinePlace): ListedPicture {
  try {
    const { url, sha256 } = listedPicture.parse(JSON.parse(line));
    return { url, sha256: sha256 ?? undefined };
  } catch (error) {
    throw new SourceError(`${path}: line ${lineNumber} is no object with a "url"`, {
      file: path,
      record: `line ${lineNumber}`,
      remedy: "correct or remove the line",
      cause: error,
    });
  }
}

async function* readParallelLists(path: string): AsyncGenerator<ListedPicture> {
  const file = { path: basename(path), absolutePath: path };
  let numFound = 0;
  for await (const elements of readJsonElements(new AnnotationReader(file))) {
    for (const { member, index, value } of elements) {
      if (member !== "image_urls" || index < 0) continue;
      numFound += 1;
      yield { url: typeof value === "string" ? value : "", sha256: undefined };
    }
  }
  if (numFound > 0) return;
  throw new SourceError(`${path}: holds no list "image_urls"`, {
    file: path,
    remedy: "name the list of SBU, or a list of another form",
  });
}

/** Lines of any file, without holding it; one without an end is cut. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of chunksOf(path)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = (lines.pop() ?? "").slice(0, MAX_LINE_CHARACTERS);
      for (const line of lines) yield line.replace(/\r$/, "");
    }
  } catch (error) {
    if (errnoOf(error)?.startsWith("Z_") !== true) throw error;
    throw new SourceError(`${path}: is a damaged or cut gzip file`, {
      file: path,
      remedy: "download the file again",
      cause: error,
    });
  }
  if (rest !== "") yield rest.replace(/\r$/, "");
}

function chunksOf(path: string): AsyncIterable<Buffer> {
  const raw = createReadStream(path, { highWaterMark: 2 ** 18 });
  // The fault reaches the reader of the last stream; this callback has nothing to add.
  return path.endsWith(".gz") ? pipeline(raw, createGunzip(), () => {}) : raw;
}
