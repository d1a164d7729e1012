import { z } from "zod";
import { ConfigError, SourceError } from "../core/errors.ts";
import {
  type AnnotationFile,
  AnnotationReader,
  type FileDigest,
  findAnnotationFile,
  readLines,
} from "./annotations/annotation-file.ts";
import { elementPointer, readJsonElements } from "./annotations/json-elements.ts";
import type { PartMembership } from "./joining/dataset-reading.ts";
import type { SourceOptions } from "./source.ts";

/** A published split as its files have it. */
export interface PublishedSplit {
  readonly name: string;
  /** The files that were read, in a fixed order. */
  readonly files: readonly FileDigest[];
  /** By the ids of pictures, in the order of the files. */
  readonly partOf: ReadonlyMap<string, PartMembership>;
}

/** Where a published split is written, as the dataset's manifest says. */
export interface SplitFiles {
  readonly name: string;
  /** Karpathy's JSON, when the split comes in that form. */
  readonly json?: string | undefined;
  readonly offeredAt?: string | undefined;
  readonly parts: readonly {
    readonly name: string;
    /** A plain list, one picture a line, which may stand for the JSON. */
    readonly list?: string | undefined;
  }[];
}

export interface PublishedSplitOptions {
  readonly sourceFolder: string;
  readonly split: SplitFiles;
  /** The id that a picture's name spells (a file name, or the bare id in some lists), or undefined. */
  readonly idOfName: (name: string) => string | undefined;
  /** The id in a line of a list that has more in it than a name. */
  readonly idOfLine?: ((line: string) => string | undefined) | undefined;
  /** Folders that a list may be in as well, under the same file name. */
  readonly otherFolders?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The published split that a recipe names, or the first one; undefined when the recipe takes every
 * picture, whatever part it is in. Throws ConfigError for a split or a part that there is not.
 */
export function wantedSplit<Split extends SplitFiles>(
  known: readonly Split[],
  { publishedSplit, splits }: Pick<SourceOptions, "publishedSplit" | "splits">,
): Split | undefined {
  const split = known.find(({ name }) => name === (publishedSplit ?? name));
  if (split === undefined) throw unknownName("published split", publishedSplit ?? "", known);
  const taken = splits.flatMap(({ parts }) => (parts === "everything" ? [] : parts));
  for (const part of taken) {
    const isKnown = split.parts.some(({ name }) => name === part);
    if (!isKnown) throw unknownName(`part of the ${split.name}`, part, split.parts);
  }
  return taken.length === 0 && splits.length > 0 ? undefined : split;
}

function unknownName(
  what: string,
  name: string,
  known: readonly { readonly name: string }[],
): ConfigError {
  const names = known.map((one) => `"${one.name}"`).join(", ");
  return new ConfigError(`there is no ${what} "${name}"; there are ${names}`, {
    remedy: "correct the recipe",
  });
}

/**
 * Reads a published split from its JSON or, where that is not there, from plain name lists.
 * Throws SourceError when files are missing, an entry names no picture, or a picture is in two parts.
 */
export async function readPublishedSplit(options: PublishedSplitOptions): Promise<PublishedSplit> {
  const { sourceFolder, signal } = options;
  const { name, json: jsonPath } = options.split;
  const json =
    jsonPath === undefined ? undefined : await findAnnotationFile(sourceFolder, jsonPath);
  const content =
    json === undefined
      ? await readLists(options)
      : await readJson(new AnnotationReader(json, signal), options);
  return { name, ...content };
}

type SplitContent = Omit<PublishedSplit, "name">;

const jsonImage = z.object({ filename: z.string(), split: z.string() });

async function readJson(
  reader: AnnotationReader,
  { idOfName, split }: PublishedSplitOptions,
): Promise<SplitContent> {
  const members = new Membership();
  const parts: ReadonlySet<string> = new Set(split.parts.map(({ name }) => name));
  for await (const elements of readJsonElements(reader)) {
    for (const { member, index, value, fault } of elements) {
      if (member !== "images" || index < 0) continue;
      const image = jsonImage.safeParse(value).data;
      const id = image && idOfName(image.filename);
      const pointer = elementPointer(member, index);
      if (image === undefined || id === undefined || !parts.has(image.split)) {
        const why = fault ?? "has no known file name or split";
        throw splitError(reader.file.path, pointer, why);
      }
      members.add(id, { part: image.split, evidence: `${reader.file.path}#${pointer}` });
    }
  }
  if (members.partOf.size === 0) {
    throw splitError(reader.file.path, "/images", "is missing or empty");
  }
  return { files: [reader.digest], partOf: members.partOf };
}

async function readLists(options: PublishedSplitOptions): Promise<SplitContent> {
  const { idOfName, idOfLine = (line) => idOfName(line.trim()) } = options;
  const members = new Membership();
  const files: FileDigest[] = [];
  const missing: string[] = [];
  for (const { name: part, list } of options.split.parts) {
    if (list === undefined) continue;
    const file = await findList(list, options);
    if (file === undefined) {
      missing.push(list);
      continue;
    }
    const reader = new AnnotationReader(file, options.signal);
    for (const [index, line] of (await readLines(reader)).entries()) {
      const id = idOfLine(line);
      const place = `line ${index + 1}`;
      if (id === undefined)
        throw splitError(file.path, place, `names no image: ${line.slice(0, 80)}`);
      members.add(id, { part, evidence: `${file.path} ${place}` });
    }
    files.push(reader.digest);
  }
  if (missing.length > 0) throw missingSplit(missing, options);
  return { files, partOf: members.partOf };
}

async function findList(
  list: string,
  { sourceFolder, otherFolders = [] }: PublishedSplitOptions,
): Promise<AnnotationFile | undefined> {
  for (const path of [list, ...otherFolders.map((folder) => `${folder}/${fileName(list)}`)]) {
    const found = await findAnnotationFile(sourceFolder, path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function isIn(folder: string, path: string): boolean {
  return path === `${folder}/${fileName(path)}`;
}

class Membership {
  readonly partOf = new Map<string, PartMembership>();

  add(id: string, membership: PartMembership): void {
    const known = this.partOf.get(id);
    if (known === undefined) this.partOf.set(id, membership);
    else if (known.part !== membership.part) {
      throw new SourceError(
        `image ${id} is in two parts of one split: ${known.part} (${known.evidence}) and ${membership.part} (${membership.evidence})`,
        { record: id, remedy: "download the split again" },
      );
    }
  }
}

function splitError(file: string, record: string, why: string): SourceError {
  return new SourceError(`${file} ${record}: ${why}`, {
    file,
    record,
    remedy: "download the split again: a part of it cannot decide what is evaluated on",
  });
}

function missingSplit(
  missing: readonly string[],
  { split, otherFolders = [] }: PublishedSplitOptions,
): SourceError {
  const { name, json, offeredAt } = split;
  const others = otherFolders.filter((folder) => !missing.every((list) => isIn(folder, list)));
  const inFolders = others.length > 0 ? `, also in ${others.join("/, ")}/` : "";
  const lists = `${missing.join(", ")}${inFolders} (each also with .gz)`;
  const places = json === undefined ? lists : `${json}[.gz], and then for ${lists}`;
  const where = offeredAt === undefined ? "" : `; it is offered at ${offeredAt}`;
  return new SourceError(`the ${name} is missing: looked for ${places}`, {
    file: json ?? missing[0],
    remedy: `put it there${where}`,
  });
}
