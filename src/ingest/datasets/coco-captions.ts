import { z } from "zod";
import { SourceError } from "../../core/errors.ts";
import type { AnnotationReader, FileDigest } from "../annotations/annotation-file.ts";
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

// JSON's numbers are doubles here; beyond 2^53 the digits that were meant are lost.
const recordId = z.union([
  z.int().nonnegative().transform(String),
  z
    .string()
    .regex(/^\d{1,19}$/)
    .transform((digits) => digits.replace(/^0+(?=\d)/, "")),
]);
const imageSchema = z.object({
  id: recordId,
  file_name: z.string().min(1),
  flickr_url: z.string().nullish(),
  coco_url: z.string().nullish(),
  width: z.number().nullish(),
  height: z.number().nullish(),
  license: z.number().nullish(),
});
const captionSchema = z.object({ id: recordId, image_id: recordId, caption: z.string() });
const licenseSchema = z.object({ id: z.int(), name: z.string() });

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
    else if (element.member === "licenses") {
      const license = licenseSchema.safeParse(element.value).data;
      if (license !== undefined) pass.licenses.set(license.id, license.name);
    }
  }

  #addImage({ images: ledger, licenses, subset, ids }: FilePass, element: JsonElement): void {
    const { index } = element;
    ledger.read();
    const parsed = imageSchema.safeParse(element.value);
    if (!parsed.success)
      return ledger.note(index, idOf(element), shapeFault(element, parsed.error));
    const { id, file_name: fileName } = parsed.data;
    const idOfFile = cocoIdOfName(fileName);
    if (idOfFile !== undefined && idOfFile !== id) {
      const evidence = `its id is ${id} and its file ${fileName}`;
      return ledger.note(index, id, { outcome: "quarantined", reason: "ANN_CONFLICT", evidence });
    }
    const image: ListedImage = {
      ledger,
      index,
      id,
      subset,
      fileName,
      flickrUrl: parsed.data.flickr_url ?? null,
      cocoUrl: parsed.data.coco_url ?? null,
      width: parsed.data.width ?? null,
      height: parsed.data.height ?? null,
      license: parsed.data.license ?? null,
      licenses,
    };
    ids.add(id);
    const first = this.images.get(id);
    if (first === undefined) this.images.set(id, image);
    else ledger.note(index, id, duplicateFate(first, sameImage(first, image)));
  }

  #addCaption({ captions: ledger }: FilePass, element: JsonElement): void {
    const { index } = element;
    ledger.read();
    const parsed = captionSchema.safeParse(element.value);
    if (!parsed.success)
      return ledger.note(index, idOf(element), shapeFault(element, parsed.error));
    const { id, image_id: imageId, caption: text } = parsed.data;
    const first = this.captions.get(id);
    if (first === undefined) this.captions.set(id, { ledger, index, id, imageId, text });
    else {
      const isSame = first.text === text && first.imageId === imageId;
      ledger.note(index, id, duplicateFate(first, isSame));
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

// The 2017 files list the pictures of the 2014 files again, with the same ids.
function duplicateFate(first: ListedImage | ListedCaption, isSame: boolean): Fate {
  const evidence = `${first.ledger.list.file}#${first.ledger.pointer(first.index)}`;
  return isSame
    ? { outcome: "excluded", reason: "duplicate-of", evidence }
    : {
        outcome: "quarantined",
        reason: "ANN_CONFLICT",
        evidence: `${evidence} has the same id and other content`,
      };
}

function shapeFault(element: JsonElement, error: z.ZodError): Fate {
  if (element.fault !== null) {
    return { outcome: "quarantined", reason: "ANN_SYNTAX", evidence: element.fault };
  }
  const evidence = error.issues
    .map((issue) => `${["", ...issue.path].join("/")}: ${issue.message}`)
    .join("; ");
  return { outcome: "quarantined", reason: "ANN_SHAPE", evidence };
}

// The id of a record that is wrong otherwise, if it has a readable one.
function idOf({ value }: JsonElement): string {
  return z.object({ id: recordId }).safeParse(value).data?.id ?? "";
}

function listMissing(file: string, member: string): SourceError {
  return new SourceError(`${file}: it has no list "${member}", or an empty one`, {
    file,
    record: `/${member}`,
    remedy: "this is not COCO's caption file: download it again",
  });
}
