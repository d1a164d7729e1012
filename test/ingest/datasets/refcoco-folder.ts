import { readFile } from "node:fs/promises";
import { refcoco } from "../../../src/ingest/datasets/refcoco.ts";
import type { SourceOptions, SourcePlan } from "../../../src/ingest/source.ts";
import { realData } from "../../real-data.ts";
import { cocoName, drawPicture, everything, writeFileBelow } from "../coco-folder.ts";
import { folderWith, planOf, type SourceFolder } from "./flickr30k-folder.ts";

/** A pickle of protocol 2, as Python 2 would write it, of what JSON can say. */
export function pickled(value: unknown): Buffer {
  return Buffer.concat([Buffer.from([0x80, 2]), pickledValue(value), Buffer.from(".")]);
}

function pickledValue(value: unknown): Buffer {
  if (value === null || value === undefined) return Buffer.from("N");
  if (value === true) return Buffer.from([0x88]);
  if (value === false) return Buffer.from([0x89]);
  if (typeof value === "number") return pickledNumber(value);
  if (typeof value === "string") return withLength("X", Buffer.from(value));
  const items = Array.isArray(value) ? value : Object.entries(value).flat();
  const [begin, end] = Array.isArray(value) ? ["](", "e"] : ["}(", "u"];
  return Buffer.concat([Buffer.from(begin), ...items.map(pickledValue), Buffer.from(end)]);
}

function pickledNumber(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  if (Number.isSafeInteger(value)) {
    bytes.writeUInt8(8);
    bytes.writeBigInt64LE(BigInt(value), 1);
    return Buffer.concat([Buffer.from([0x8a]), bytes]);
  }
  bytes.write("G");
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function withLength(opcode: string, bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(opcode);
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

export type Fields = Readonly<Record<string, unknown>>;

/** A ref in the form of the official files, with two expressions and an object of its own. */
export function refOf(id: number, imageId: number, fields: Fields = {}): Fields {
  const sentences = [2 * id, 2 * id + 1].map((sentId) => sentenceOf(sentId));
  return {
    sent_ids: [2 * id, 2 * id + 1],
    file_name: cocoName(imageId, "train2014").replace(".jpg", `_${id}.jpg`),
    ann_id: 1000 + id,
    ref_id: id,
    image_id: imageId,
    split: "train",
    sentences,
    category_id: 1,
    ...fields,
  };
}

export function sentenceOf(id: number, fields: Fields = {}): Fields {
  const sent = `person ${id}`;
  return { tokens: sent.split(" "), raw: sent.toUpperCase(), sent_id: id, sent, ...fields };
}

export function imageOf(id: number, fields: Fields = {}): Fields {
  return {
    license: 1,
    file_name: cocoName(id, "train2014"),
    coco_url: `http://mscoco.org/images/${id}`,
    height: 12,
    width: 16,
    date_captured: "2013-11-14 17:02:52",
    flickr_url: `http://farm7.staticflickr.com/6116/${6_000_000_000 + id}_da26cf2c9e_z.jpg`,
    id,
    ...fields,
  };
}

/** The object that the ref of an id refers to. */
export function objectOf(refId: number, imageId: number, fields: Fields = {}): Fields {
  return {
    segmentation: [[1, 2, 9, 2, 9, 11]],
    area: 81.5,
    iscrowd: 0,
    image_id: imageId,
    bbox: [1.5, 2, 8.25, 9],
    category_id: 1,
    id: 1000 + refId,
    ...fields,
  };
}

export interface RefcocoContent {
  readonly refs: readonly unknown[];
  readonly images: readonly unknown[];
  readonly annotations: readonly unknown[];
}

/** The files of a dataset in the official layout. */
export function refcocoFiles(
  { refs, images, annotations }: RefcocoContent,
  name = "refcoco/refcoco/refs(unc).p",
): Record<string, string | Buffer> {
  const licenses = [{ url: "http://example.org/by", id: 1, name: "Attribution License" }];
  const categories = [{ supercategory: "person", id: 1, name: "person" }];
  const document = { info: { year: 2014 }, images, licenses, annotations, categories };
  return {
    [name]: pickled(refs),
    [name.replace(/[^/]*$/, "instances.json")]: JSON.stringify(document),
  };
}

export function refcocoFolder(content: RefcocoContent): Promise<SourceFolder> {
  return folderWith(refcocoFiles(content));
}

export function planRefcoco(
  folder: string,
  choice: Partial<SourceOptions> = {},
): Promise<SourcePlan> {
  return planOf(refcoco, folder, { splits: everything, ...choice });
}

/** The real ref of RefCOCO, and two that are made up for each other part. */
export async function refsOfAllParts(parts: readonly string[]): Promise<RefcocoContent> {
  const real: unknown = JSON.parse(
    await readFile(realData("refcoco/refs(unc).first1.json"), "utf8"),
  );
  const refs = parts.flatMap((split, index) =>
    [10, 11].map((id) => refOf(id + 10 * index, 9 + index, { split })),
  );
  const images = parts.map((_, index) => imageOf(9 + index));
  const objects = parts.flatMap((_, index) =>
    [10, 11, 12].map((id) => objectOf(id + 10 * index, 9 + index)),
  );
  return {
    refs: [...(Array.isArray(real) ? real : []), ...refs],
    images: [imageOf(581_857), ...images],
    annotations: [{ ...objectOf(0, 581_857), id: 1_719_310 }, ...objects],
  };
}

/** Lays a dataset out with the real ref, two made-up ones of each part, and a picture for most images. */
export async function layOutRefcoco(folder: string, refs: string): Promise<void> {
  const parts = refs.includes("umd") ? ["val", "test"] : ["val", "testA", "testB"];
  const content = await refsOfAllParts(parts);
  for (const [path, bytes] of Object.entries(refcocoFiles(content, refs))) {
    await writeFileBelow(folder, path, bytes);
  }
  const names = [581_857, 9].map((id) => `train2014/${cocoName(id, "train2014")}`);
  for (const [index, name] of [...names, `train2017/${cocoName(10)}`].entries()) {
    await writeFileBelow(folder, `coco/${name}`, await drawPicture(index));
  }
}
