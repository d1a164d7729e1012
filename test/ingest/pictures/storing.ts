import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PictureReference, StoredPicture } from "../../../src/core/records.ts";
import { PictureFault } from "../../../src/ingest/pictures/picture-fault.ts";
import { type PicturePolicy, storePicture } from "../../../src/ingest/pictures/store-picture.ts";

/** What the tests store pictures with, unless a test is about it. */
export const policy: PicturePolicy = {
  shorterSide: 640,
  jpegQuality: 95,
  maxPixels: 50_000_000,
};

/** A reference to a file below the source folder. */
export function referenceTo(path: string): PictureReference {
  return {
    key: "coco:1",
    path,
    url: null,
    flickrPhotoId: null,
    license: null,
    linkedKeys: [],
  };
}

/** Stores a file that is there. */
export function storeFile(
  path: string,
  sourceFolder: string,
  rules: PicturePolicy = policy,
): Promise<StoredPicture> {
  return storePicture(referenceTo(path), { sourceFolder, policy: rules });
}

/** A temporary folder to put made-up picture files in. */
export interface PictureFolder extends AsyncDisposable {
  readonly path: string;
  /** Writes the bytes to a file and stores it. */
  readonly store: (bytes: Uint8Array, rules?: PicturePolicy) => Promise<StoredPicture>;
}

let numFiles = 0;

export async function pictureFolder(): Promise<PictureFolder> {
  const path = await mkdtemp(join(tmpdir(), "crossweave-pictures-"));
  return {
    path,
    store: async (bytes, rules) => {
      numFiles += 1;
      const name = `${numFiles}.jpg`; // names say nothing about formats
      await writeFile(join(path, name), bytes);
      return storeFile(name, path, rules);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** The fault that storing ends in; fails when it doesn't. */
export async function faultOf(storing: Promise<StoredPicture>): Promise<PictureFault> {
  const outcome: unknown = await storing.catch((error: unknown) => error);
  if (outcome instanceof PictureFault) return outcome;
  throw new Error("it was stored", { cause: outcome });
}

/** "kept 128x128", "encoded 450x600, orientation 6: icc-to-srgb", or the code of the fault. */
export async function outcomeOf(storing: Promise<StoredPicture>): Promise<string> {
  try {
    const picture = await storing;
    const how = picture.sha256 === picture.sourceSha256 ? "kept" : "encoded";
    const turned = picture.orientation === 1 ? "" : `, orientation ${picture.orientation}`;
    const notes = picture.notes.length === 0 ? "" : `: ${picture.notes.join(" ")}`;
    return `${how} ${picture.width}x${picture.height}${turned}${notes}`;
  } catch (error) {
    if (error instanceof PictureFault) return error.code;
    throw error;
  }
}
