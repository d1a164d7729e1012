import { SourceError } from "../../core/errors.ts";
import type { AnnotationReader, FileDigest } from "../annotations/annotation-file.ts";
import { ID_EXPECTED, isObject, recordId, wrongField } from "../annotations/record-fields.ts";
import { digestOfIds } from "../dataset-manifest.ts";
import { type JsonElement, readJsonElements } from "../annotations/json-elements.ts";
import { type Fate, RecordLedger } from "../record-ledger.ts";

/** An image as the first file that lists it does. */
export interface ListedImage {
  readonly ledger: RecordLedger;
  readonly index: number;
  readonly id: string;
  /** The name of its file's pictures, such as "train2014". */
  readonly subset: string;
  readonly fileName: string;
  readonly flickrUrl: string | null;
  readonly cocoUrl: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly license: number | null;
  /** Of its file; complete once the file is read. */
  readonly licenses: ReadonlyMap<number, string>;
}

export interface ListedCaption {
  readonly ledger: RecordLedger;
  readonly index: number;
  readonly id: string;
  readonly imageId: string;
  readonly text: string;
}

/** One captions_*.json after its pass. */
export interface ReadFile {
  /** The official name, without ".gz". */
  readonly name: string;
  readonly digest: FileDigest;
  readonly images: RecordLedger;
  readonly captions: RecordLedger;
  readonly numImages: number;
  readonly imageIdsSha256: string;
}

/** The image id in a COCO file name of either form, without leading zeros; undefined for another name. */
export function cocoIdOfName(name: string): string | undefined {
  const digits = /^(?:COCO_(?:train|val)2014_)?(\d{12})\.jpg$/.exec(name)?.[1];
  return digits?.replace(/^0+(?=\d)/, "");
}

/** Collects the images and captions of all files, each once; what is wrong or double is noted in its ledger. */
export class CocoCaptions {
  readonly images: Map<string, ListedImage> = new Map();
  readonly captions: Map<string, ListedCaption> = new Map();

  /** Reads one file to its end. Throws SourceError when it is damaged or lacks one of its lists. */
  async read(name: string, reader: AnnotationReader): Promise<ReadFile> {
    const file = reader.file.path;
    const subset = /captions_(\w+)\.json/.exec(name)?.[1] ?? "";
    const pass: FilePass = {
      subset,
      images: new RecordLedger({ file, kind: "image", member: "images" }),
      captions: new RecordLedger({ file, kind: "caption", member: "annotations" }),
      licenses: new Map(),
      ids: new Set(),
    };
    const lists = new Set<string>();
    for await (const elements of readJsonElements(reader)) {
      for (const element of elements) {
        if (element.index >= 0) lists.add(element.member);
        this.#add(pass, element);
      }
    }
    for (const member of ["images", "annotations"]) {
      if (!lists.has(member)) throw listMissing(file, member);
    }
    return {
      name,
      digest: reader.digest,
      images: pass.images,
      captions: pass.captions,
      numImages: pass.ids.size,
      imageIdsSha256: digestOfIds(pass.ids),
    };
  }

  #add(pass: FilePass, element: JsonElement): void {
    if (element.index < 0) return;
    if (element.member === "images") this.#addImage(pass, element);
    else if (element.member === "annotations") this.#addCaption(pass, element);
    else if (element.member === "licenses" && isObject(element.value)) {
      const { id, name } = element.value;
      if (typeof id === "number" && typeof name === "string") pass.licenses.set(id, name);
    }
  }

  #addImage({ images: ledger, licenses, subset, ids }: FilePass, element: JsonElement): void {
    ledger.read();
    const { index } = element;
    const fields = readImage(element);
    if (typeof fields === "string") return noteFault(ledger, element, fields);
    const idOfFile = cocoIdOfName(fields.fileName);
    if (idOfFile !== undefined && idOfFile !== fields.id) {
      const evidence = `its id is ${fields.id} and its file ${fields.fileName}`;
      const fate = { outcome: "quarantined", reason: "ANN_CONFLICT", evidence } as const;
      return ledger.note({ index, id: fields.id }, fate);
    }
    const image: ListedImage = { ledger, index, subset, licenses, ...fields };
    ids.add(image.id);
    const first = this.images.get(image.id);
    if (first === undefined) this.images.set(image.id, image);
    else ledger.noteBeside(image, sameImage(first, image) ? duplicate : conflict, first);
  }

  #addCaption({ captions: ledger }: FilePass, element: JsonElement): void {
    ledger.read();
    const { index } = element;
    const fields = readCaption(element);
    if (typeof fields === "string") return noteFault(ledger, element, fields);
    const { id, text } = fields;
    // One string for all captions of an image.
    const imageId = this.images.get(fields.imageId)?.id ?? fields.imageId;
    const first = this.captions.get(id);
    if (first === undefined) this.captions.set(id, { ledger, index, id, imageId, text });
    else {
      const isSame = first.text === text && first.imageId === imageId;
      ledger.noteBeside({ index, id }, isSame ? duplicate : conflict, first);
    }
  }
}

interface FilePass {
  readonly subset: string;
  readonly images: RecordLedger;
  readonly captions: RecordLedger;
  readonly licenses: Map<number, string>;
  readonly ids: Set<string>;
}

function sameImage(a: ListedImage, b: ListedImage): boolean {
  return a.flickrUrl === b.flickrUrl && a.width === b.width && a.height === b.height;
}

// The 2017 files list the pictures and captions of the 2014 files again, with the same ids.
const duplicate: Fate = { outcome: "excluded", reason: "duplicate-of", evidence: "" };
const conflict: Fate = {
  outcome: "quarantined",
  reason: "ANN_CONFLICT",
  evidence: " has the same id and other content",
};

function noteFault(ledger: RecordLedger, element: JsonElement, evidence: string): void {
  const reason = element.fault === null ? "ANN_SHAPE" : "ANN_SYNTAX";
  const id = isObject(element.value) ? recordId(element.value["id"]) : undefined;
  ledger.note({ index: element.index, id: id ?? "" }, { outcome: "quarantined", reason, evidence });
}

type ImageFields = Omit<ListedImage, "ledger" | "index" | "subset" | "licenses">;

// Read by hand and not by a schema: there are a million records, and a schema makes four objects of each.
function readImage({ value, fault }: JsonElement): ImageFields | string {
  if (fault !== null) return fault;
  if (!isObject(value)) return "is no object";
  const id = recordId(value["id"]);
  const fileName = value["file_name"];
  if (id === undefined) return wrongField("id", value["id"], ID_EXPECTED);
  if (typeof fileName !== "string") return wrongField("file_name", fileName, "a file name");
  return {
    id,
    fileName,
    flickrUrl: textOrNull(value["flickr_url"]),
    cocoUrl: textOrNull(value["coco_url"]),
    width: numberOrNull(value["width"]),
    height: numberOrNull(value["height"]),
    license: numberOrNull(value["license"]),
  };
}

function readCaption({
  value,
  fault,
}: JsonElement): { id: string; imageId: string; text: string } | string {
  if (fault !== null) return fault;
  if (!isObject(value)) return "is no object";
  const id = recordId(value["id"]);
  const imageId = recordId(value["image_id"]);
  const text = value["caption"];
  if (id === undefined) return wrongField("id", value["id"], ID_EXPECTED);
  if (imageId === undefined) return wrongField("image_id", value["image_id"], ID_EXPECTED);
  if (typeof text !== "string") return wrongField("caption", text, "a text");
  return { id, imageId, text };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function listMissing(file: string, member: string): SourceError {
  return new SourceError(`${file}: it has no list "${member}", or an empty one`, {
    file,
    record: `/${member}`,
    remedy: "this is not COCO's caption file: download it again",
  });
}
