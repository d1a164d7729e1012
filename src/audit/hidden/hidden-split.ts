import {
  type ImageKey,
  imageKey,
  type NameField,
  type PictureName,
  pictureNameKinds,
} from "../../core/keys.ts";
import type { PictureInfo, SceneHead } from "../../core/records.ts";
import { spellHash } from "../perceptual/hash.ts";
import type { AuditedSplit } from "../verdict.ts";
import { type HashedPicture, type HashesFile, hashedName } from "./hashes-file.ts";
import { hiddenRecord, readRecord } from "./hidden-records.ts";

const DIGEST_LENGTH = 12;
const HIDDEN = "hidden";

/** The name that a hidden test set has in a verdict: its owner's name for it is not told. */
export function hiddenSetName({ digest }: HashesFile): string {
  return `${HIDDEN}-${digest.slice(0, DIGEST_LENGTH)}`;
}

/** The one split of a hidden test set. */
export const HIDDEN_SPLIT = "hashes";

/** The key by which a verdict speaks of a picture of a hidden test set: the file and the number, and nothing else. */
export function hiddenKey({ digest }: HashesFile, row: number): ImageKey {
  return imageKey(HIDDEN, `${digest.slice(0, DIGEST_LENGTH)}/${row}`);
}

/** The scene that a picture of a hidden test set stands in. */
export function hiddenScene(row: number): string {
  return `row ${row}`;
}

/** A hidden test set as a split that is evaluated on. */
export function hiddenSplit(hidden: HashesFile): AuditedSplit {
  return {
    set: hiddenSetName(hidden),
    setDigest: hidden.digest,
    split: HIDDEN_SPLIT,
    role: "eval",
    numPictures: hidden.pictures.length,
    heads: headsOf(hidden),
  };
}

async function* headsOf(hidden: HashesFile): AsyncGenerator<SceneHead> {
  for (const [row, picture] of hidden.pictures.entries()) {
    const pictures = [pictureInfo(hiddenKey(hidden, row), picture)];
    yield { sceneKey: hiddenScene(row), texts: [], pictures };
  }
}

/** All that is known of a hidden picture; its hashed names are given by `hiddenNames`. */
function pictureInfo(key: ImageKey, { names, views }: HashedPicture): PictureInfo {
  const [sourceSha256 = "", sha256 = sourceSha256] = names.bytes;
  const sizes = { width: 0, height: 0, sourceWidth: 0, sourceHeight: 0, sourceSizeBytes: 0 };
  return {
    key,
    path: "",
    format: "",
    ...sizes,
    orientation: 1,
    sha256,
    sourceSha256,
    pixelSha256: "",
    perceptualHash: wholeHash(views),
    url: null,
    flickrPhotoId: null,
    license: null,
    linkedKeys: [],
    notes: [],
  };
}

function wholeHash(views: Uint8Array | null): string | null {
  if (views === null) return null;
  const records = readRecord(hiddenRecord(0, { pixels: "", views }));
  return records.isComparable(0) ? spellHash(records.hash(0, 0)) : null;
}

/**
 * What a picture with these names is called in hidden test sets, for the graph: of a hidden picture its hashed names, of any other those of its
 * names that a hidden picture has as well, hashed in the same way.
 */
export function hiddenNames(
  files: readonly HashesFile[],
): (names: readonly PictureName[]) => readonly PictureName[] {
  const rows = new Map<string, readonly PictureName[]>();
  const known = files.map(({ salt }) => ({ salt, names: new Set<string>() }));
  for (const [index, hidden] of files.entries()) {
    for (const [row, picture] of hidden.pictures.entries()) {
      const names = rowNames(picture);
      rows.set(hiddenKey(hidden, row), names);
      for (const { name } of names) known[index]?.names.add(name);
    }
  }
  return (names) => rows.get(names[0]?.name ?? "") ?? [...sharedNames(names, known)];
}

const fieldOfKind = {
  key: "linked key",
  photo: "Flickr photo id",
  address: "URL",
  bytes: "source file",
  pixels: "pixels",
} as const satisfies Readonly<Record<PictureName["kind"], NameField>>;

function rowNames({ names }: HashedPicture): readonly PictureName[] {
  return pictureNameKinds
    .filter((kind) => kind !== "bytes") // these are not hashed: the picture has them itself
    .flatMap((kind) =>
      names[kind].map((name, index) => {
        const isOwn = kind === "key" && index === 0;
        return { kind, name, field: isOwn ? ("key" as const) : fieldOfKind[kind] };
      }),
    );
}

function* sharedNames(
  all: readonly PictureName[],
  known: readonly { readonly salt: string; readonly names: ReadonlySet<string> }[],
): Generator<PictureName> {
  const own = all.filter(({ kind }) => kind !== "bytes");
  for (const { names, salt } of known) {
    for (const { field, kind, name } of own) {
      const hashed = hashedName({ field, kind, name }, salt);
      if (names.has(hashed)) yield { kind, field, name: hashed };
    }
  }
}
