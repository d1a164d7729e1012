import type { JsonValue } from "../core/digest.ts";
import type { Column } from "./arrow/column-type.ts";
import { sceneFields } from "./scene-columns.ts";
import type { FileEntry, ShardSetIndex } from "./shard-set-index.ts";

const ARROW_FILE = "application/vnd.apache.arrow.file";
const SHARDS = "shards";

/** The text of croissant.json; equal indexes give equal bytes. */
export function croissantText(index: ShardSetIndex): string {
  return `${JSON.stringify(croissantDocument(index), null, 1)}\n`;
}

/**
 * The MLCommons Croissant 1.1 description of a shard set, as JSON-LD: its files with their digests, its
 * splits and its columns. It is a pure function of the index, so it names no date of publication.
 */
function croissantDocument(index: ShardSetIndex): JsonValue {
  const splits = index.splits.map((split) => split.name);
  const shards = index.splits.flatMap((split) => split.shards);
  return {
    "@context": context,
    "@type": "sc:Dataset",
    conformsTo: "http://mlcommons.org/croissant/1.1",
    name: index.name,
    description: `Shard set ${index.name} of crossweave: scenes, which are pictures with their texts, in the splits ${splits.join(", ")}. Field "recipe" of index.json says how it was made.`,
    identifier: `sha256:${index.digest}`,
    version: "1.0.0",
    license: {
      "@type": "sc:CreativeWork",
      name: "The pictures and texts keep the terms of their publishers; see pictures/license.",
    },
    "prov:wasDerivedFrom": index.sources.map((source) => sourceFile(source)),
    distribution: [
      ...shards.map((shard) => fileObject(shard)),
      fileObject(index.ledger),
      {
        "@type": "cr:FileSet",
        "@id": SHARDS,
        name: SHARDS,
        description: "The Arrow files of all splits.",
        containedIn: shards.map((shard) => ({ "@id": shard.file })),
        encodingFormat: ARROW_FILE,
        includes: "*/*.arrow",
      },
    ],
    recordSet: [splitRecords(index), sceneRecords(splits)],
  };
}

function fileObject({ file, sizeBytes, sha256 }: FileEntry): JsonValue {
  return {
    "@type": "cr:FileObject",
    "@id": file,
    name: file,
    contentUrl: file,
    contentSize: `${sizeBytes} B`,
    encodingFormat: ARROW_FILE,
    sha256,
  };
}

function sourceFile({ file, sizeBytes, sha256 }: FileEntry): JsonValue {
  return {
    "@type": "sc:MediaObject",
    name: file,
    contentSize: `${sizeBytes} B`,
    "sc:sha256": sha256,
  };
}

const splitUrls = {
  train: "cr:TrainingSplit",
  eval: "cr:TestSplit",
} as const;

function splitRecords(index: ShardSetIndex): JsonValue {
  return {
    "@type": "cr:RecordSet",
    "@id": "splits",
    name: "splits",
    description: "The splits, and whether they are trained on or evaluated on.",
    dataType: "cr:Split",
    key: { "@id": "splits/name" },
    field: [
      { "@type": "cr:Field", "@id": "splits/name", name: "name", dataType: "sc:Text" },
      {
        "@type": "cr:Field",
        "@id": "splits/url",
        name: "url",
        dataType: ["sc:URL", "wd:Q3985153"],
      },
    ],
    data: index.splits.map(({ name, role }) => ({
      "splits/name": name,
      "splits/url": splitUrls[role],
    })),
  };
}

function sceneRecords(splits: readonly string[]): JsonValue {
  const pattern = splits.map((name) => name.replaceAll(".", String.raw`\.`)).join("|");
  const splitField = {
    "@type": "cr:Field",
    "@id": "scenes/split",
    name: "split",
    dataType: "sc:Text",
    source: {
      fileSet: { "@id": SHARDS },
      extract: { fileProperty: "fullpath" },
      transform: { regex: `(?:^|/)(${pattern})/\\d+\\.arrow$` },
    },
    references: { field: { "@id": "splits/name" } },
  };
  const columns = sceneFields.map(({ column }) => columnField(column, "scenes", column.name));
  return {
    "@type": "cr:RecordSet",
    "@id": "scenes",
    name: "scenes",
    description: "One row for each scene.",
    key: [{ "@id": "scenes/split" }, { "@id": "scenes/scene_key" }],
    field: [splitField, ...columns],
  };
}

/** A column as a Croissant field; `topColumn` is the column of the file that it is a part of. */
function columnField(column: Column, parentId: string, topColumn: string): JsonValue {
  const id = `${parentId}/${column.name}`;
  const { itemType, shape } = unwrapped(column.type);
  const source = { fileSet: { "@id": SHARDS }, extract: { column: topColumn } };
  const described = descriptions[column.name];
  return {
    "@type": "cr:Field",
    "@id": id,
    name: column.name,
    ...(described === undefined ? {} : { description: described }),
    ...(shape.length === 0 ? {} : { isArray: true, arrayShape: shape.join(",") }),
    ...(itemType.kind === "struct"
      ? { subField: itemType.columns.map((member) => columnField(member, id, topColumn)) }
      : { dataType: dataTypeOf(column.name, itemType), source }),
  };
}

/** The type inside of nested lists, and the lists' shape; -1 stands for any length. */
function unwrapped(type: Column["type"]): { itemType: Column["type"]; shape: readonly number[] } {
  if (type.kind !== "list" && type.kind !== "fixed_size_list") return { itemType: type, shape: [] };
  const { itemType, shape } = unwrapped(type.item.type);
  return { itemType, shape: [type.kind === "list" ? -1 : type.size, ...shape] };
}

function dataTypeOf(name: string, type: Column["type"]): string {
  if (name === "picture_bytes") return "sc:ImageObject";
  if (type.kind === "int32") return "cr:Int32";
  if (type.kind === "float32") return "cr:Float32";
  return type.kind === "large_binary" ? "cr:Float16" : "sc:Text";
}

const descriptions: Readonly<Record<string, string>> = {
  scene_key: "Names the scene in its dataset; for one-picture scenes the picture's key.",
  box: "x, y, width, height in pixels of the stored picture.",
  context:
    "The text that this one is judged against: SNLI-VE's premise, the question and right answer of a rationale of VCR.",
  linked_keys: "Keys of other collections that the publisher says are the same picture.",
  notes: "What was done to the file so that it could be stored, such as cmyk-to-rgb.",
  orientation: "EXIF orientation; it is recorded, not applied.",
  sha256: "Digest of the stored bytes.",
  source_sha256: "Digest of the source file.",
  pixel_sha256: "Digest of the decoded, upright 8-bit RGB pixels.",
  regions: "Detector output for each picture: R boxes.",
  boxes: "x, y, width, height in pixels of the stored picture.",
  num_features: "D, the features of each box.",
  num_classes: "C, the classes with a probability for each box; 0 when there are none.",
  features: "R x D float16, little-endian, row after row.",
  class_probabilities: "R x C float16, little-endian, row after row.",
  picture_bytes: "The encoded pictures, in the order of pictures.",
};

// Appendix 1 of the specification, with what this description uses beside it.
const context: JsonValue = {
  "@language": "en",
  "@vocab": "https://schema.org/",
  sc: "https://schema.org/",
  cr: "http://mlcommons.org/croissant/",
  rai: "http://mlcommons.org/croissant/RAI/",
  dct: "http://purl.org/dc/terms/",
  prov: "http://www.w3.org/ns/prov#",
  wd: "http://www.wikidata.org/entity/",
  annotation: "cr:annotation",
  arrayShape: "cr:arrayShape",
  citeAs: "cr:citeAs",
  column: "cr:column",
  conformsTo: "dct:conformsTo",
  containedIn: "cr:containedIn",
  data: { "@id": "cr:data", "@type": "@json" },
  dataType: { "@id": "cr:dataType", "@type": "@vocab" },
  equivalentProperty: "cr:equivalentProperty",
  examples: { "@id": "cr:examples", "@type": "@json" },
  excludes: "cr:excludes",
  extract: "cr:extract",
  field: "cr:field",
  fileProperty: "cr:fileProperty",
  fileObject: "cr:fileObject",
  fileSet: "cr:fileSet",
  format: "cr:format",
  includes: "cr:includes",
  isArray: "cr:isArray",
  isLiveDataset: "cr:isLiveDataset",
  jsonPath: "cr:jsonPath",
  key: "cr:key",
  md5: "cr:md5",
  parentField: "cr:parentField",
  path: "cr:path",
  readLines: "cr:readLines",
  recordSet: "cr:recordSet",
  references: "cr:references",
  regex: "cr:regex",
  repeated: "cr:repeated",
  replace: "cr:replace",
  samplingRate: "cr:samplingRate",
  sdVersion: "cr:sdVersion",
  separator: "cr:separator",
  source: "cr:source",
  subField: "cr:subField",
  transform: "cr:transform",
  unArchive: "cr:unArchive",
  value: "cr:value",
};
