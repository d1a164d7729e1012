import { z } from "zod";
import { SourceError } from "../core/errors.ts";
import {
  AnnotationReader,
  type FileDigest,
  findAnnotationFile,
  readLines,
} from "./annotations/annotation-file.ts";
import type { DatasetManifest } from "./dataset-manifest.ts";
import { elementPointer, readJsonElements } from "./annotations/json-elements.ts";

/** Which part of a published split an image is in, and where that is written. */
interface PartMembership {
  readonly part: string;
  /** File and place: "karpathy/coco_test.txt line 17". */
  readonly evidence: string;
}

export interface PublishedSplit {
  readonly files: readonly FileDigest[];
  /** Image ids in the order of the files. */
  readonly partOf: ReadonlyMap<string, PartMembership>;
}

export interface KarpathyOptions {
  readonly sourceFolder: string;
  readonly split: DatasetManifest["split"];
  /** The image id that a file name spells, or undefined. */
  readonly idOfName: (name: string) => string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads Karpathy's split from his JSON or, where that is not there, from plain name lists.
 * Throws SourceError when files are missing, an entry names no image, or an image is in two parts.
 */
export async function readKarpathySplit(options: KarpathyOptions): Promise<PublishedSplit> {
  const json = await findAnnotationFile(options.sourceFolder, options.split.json);
  return json === undefined
    ? readLists(options)
    : readJson(new AnnotationReader(json, options.signal), options);
}

const jsonImage = z.object({ filename: z.string(), split: z.string() });

async function readJson(
  reader: AnnotationReader,
  { idOfName, split }: KarpathyOptions,
): Promise<PublishedSplit> {
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

async function readLists(options: KarpathyOptions): Promise<PublishedSplit> {
  const members = new Membership();
  const files: FileDigest[] = [];
  const missing: string[] = [];
  for (const { name: part, list } of options.split.parts) {
    const file = await findAnnotationFile(options.sourceFolder, list);
    if (file === undefined) {
      missing.push(list);
      continue;
    }
    const reader = new AnnotationReader(file, options.signal);
    for (const [index, line] of (await readLines(reader)).entries()) {
      const id = options.idOfName(line.trim());
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

function missingSplit(missing: readonly string[], { split }: KarpathyOptions): SourceError {
  const lists = missing.join(", ");
  return new SourceError(
    `the ${split.name} is missing: looked for ${split.json}[.gz], and then for ${lists} (each also with .gz)`,
    { file: split.json, remedy: `put it there; it is offered at ${split.offeredAt}` },
  );
}
