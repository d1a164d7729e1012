import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import type { LedgerEntry, RecordCounts } from "../../src/core/records.ts";
import { coco } from "../../src/ingest/datasets/coco.ts";
import type {
  PlannedScene,
  SourceOptions,
  SourcePlan,
  SourceSplit,
} from "../../src/ingest/source.ts";
import { planOptions } from "./plan-options.ts";

/** COCO's file name of an image in the 2014 or the 2017 form. */
export function cocoName(id: number, subset = "train2017"): string {
  const digits = String(id).padStart(12, "0");
  return subset.endsWith("2014") ? `COCO_${subset}_${digits}.jpg` : `${digits}.jpg`;
}

export function cocoImage(id: number, subset = "train2017"): { [field: string]: unknown } {
  return {
    license: 4,
    file_name: cocoName(id, subset),
    coco_url: `http://images.cocodataset.org/${subset}/${cocoName(id, subset)}`,
    height: 12,
    width: 16,
    date_captured: "2013-11-14 17:02:52",
    flickr_url: `http://farm7.staticflickr.com/6116/${6_000_000_000 + id}_da26cf2c9e_z.jpg`,
    id,
  };
}

export function cocoCaption(id: number, imageId: number, text = `text ${id}`): object {
  return { image_id: imageId, id, caption: text };
}

export interface CocoFolder {
  /** Of captions_<name>.json. */
  readonly files: Readonly<
    Record<
      string,
      { readonly images: readonly unknown[]; readonly annotations: readonly unknown[] }
    >
  >;
  /** Lines of the name lists; a part that is left out is an empty list. */
  readonly parts?: Readonly<Record<string, readonly string[]>>;
  /** Paths below coco/ of pictures to draw: "train2017/000000000001.jpg". */
  readonly pictures?: readonly string[];
}

/** Writes a folder in the layout of the official downloads and gives its path. */
export async function writeCocoFolder(content: CocoFolder): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-coco-"));
  const licenses = [{ url: "http://example.org/by", id: 4, name: "Attribution License" }];
  for (const [name, lists] of Object.entries(content.files)) {
    const document = JSON.stringify({ info: { year: 2017 }, licenses, ...lists });
    await writeFileBelow(folder, `coco/annotations/captions_${name}.json`, document);
  }
  for (const part of ["train", "restval", "val", "test"]) {
    const lines = content.parts?.[part] ?? [];
    await writeFileBelow(
      folder,
      `karpathy/coco_${part}.txt`,
      lines.map((line) => `${line}\n`).join(""),
    );
  }
  for (const [index, path] of (content.pictures ?? []).entries()) {
    await writeFileBelow(folder, `coco/${path}`, await drawPicture(index));
  }
  return folder;
}

export async function writeFileBelow(
  folder: string,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

/** A JPEG of 16 x 12 pixels; another index gives other pixels. */
export function drawPicture(index: number): Promise<Buffer> {
  const background = { r: (index * 37) % 256, g: (index * 59) % 256, b: (index * 83) % 256 };
  return sharp({ create: { width: 16, height: 12, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

/** Karpathy's four splits. */
export const karpathySplits: readonly SourceSplit[] = [
  { name: "train", role: "train", parts: ["train"] },
  { name: "restval", role: "train", parts: ["restval"] },
  { name: "val", role: "eval", parts: ["val"] },
  { name: "test", role: "eval", parts: ["test"] },
];

export const everything: readonly SourceSplit[] = [
  { name: "train", role: "train", parts: "everything" },
];

export type PlanChoice = Partial<SourceOptions>;

export function planCoco(folder: string, choice: PlanChoice = {}): Promise<SourcePlan> {
  return coco.plan({ ...planOptions(folder), splits: everything, ...choice });
}

/** The ledger's rows as "kind id outcome reason", for comparing. */
export async function ledgerLines(plan: SourcePlan): Promise<string[]> {
  const entries: LedgerEntry[] = await Array.fromAsync(plan.ledger());
  return entries.map(({ kind, id, outcome, reason }) => `${kind} ${id} ${outcome} ${reason}`);
}

export async function scenesOf(plan: SourcePlan, split = "train"): Promise<PlannedScene[]> {
  return Array.fromAsync(plan.scenes(split));
}

/** What is written of each file and kind. */
export function writtenOf(counts: readonly RecordCounts[]): string[] {
  return counts.map(({ file, kind, read, written }) => `${file} ${kind} ${written}/${read}`);
}
