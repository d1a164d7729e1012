import { z } from "zod";
import { jsonObject } from "../../core/attestation/dsse.ts";
import { canonicalJson, sha256 } from "../../core/digest.ts";
import { SourceError } from "../../core/errors.ts";
import { namesOfPicture, type PictureName, type PictureNameKind } from "../../core/keys.ts";
import type { PictureInfo } from "../../core/records.ts";
import { RECORD_VERSION, recordedViews } from "../near/near-settings.ts";
import { VIEWS_BYTES } from "./hidden-records.ts";

const FORMAT = "crossweave-hashes";
const VERSION = 1;

/** What is told of one picture of a hidden test set. */
export interface HashedPicture {
  /** Its names by their kind, hashed; those of bytes are digests already. The picture's own key comes before linked ones. */
  readonly names: Readonly<Record<PictureNameKind, readonly string[]>>;
  /** Quality and perceptual hash of each view, as `pictureRecord` writes them behind its head; null where none were made. */
  readonly views: Uint8Array | null;
}

/** The pictures of a hidden test set by hashes alone; a picture is known by its number, from 0. */
export interface HashesFile {
  /** Hashed with every name: two files of other salts cannot be compared with one another. */
  readonly salt: string;
  readonly pictures: readonly HashedPicture[];
  /** SHA-256 of the file: what names the test set. */
  readonly digest: string;
}

/** What a hashes file has instead of a picture's name. */
export function hashedName({ kind, name }: PictureName, salt: string): string {
  return kind === "bytes" ? name : sha256(`${salt}\n${kind}\n${name}`);
}

/** The names of a picture as a hashes file has them. */
export function hashedNames(picture: PictureInfo, salt: string): HashedPicture["names"] {
  const names = namesOfPicture(picture);
  const ofKind = (kind: PictureNameKind): readonly string[] =>
    names.filter((name) => name.kind === kind).map((name) => hashedName(name, salt));
  return {
    key: ofKind("key"),
    photo: ofKind("photo"),
    address: ofKind("address"),
    bytes: ofKind("bytes"),
    pixels: ofKind("pixels"),
  };
}

/**
 * The text of a hashes file: one line of canonical JSON that says how names and pictures were hashed, and one for each
 * picture, in the order of their hashes, which is none of the test set's. The same pictures and salt give the same text.
 */
export function hashesText({ pictures, salt }: Omit<HashesFile, "digest">): string {
  const lines = pictures.map(({ names, views }) => {
    const text = views === null ? null : Buffer.from(views).toString("base64");
    return canonicalJson({ names: { ...names }, views: text });
  });
  const head = {
    format: FORMAT,
    version: VERSION,
    salt,
    numPictures: pictures.length,
    views: { hash: "PDQ", recordVersion: RECORD_VERSION, numViews: recordedViews.bank.length },
  };
  return [canonicalJson(head), ...lines.toSorted()].map((line) => `${line}\n`).join("");
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const names = z.array(digest).max(64);
const headSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  salt: z.string().max(1000),
  numPictures: z.int().nonnegative(),
  views: z.strictObject({
    hash: z.literal("PDQ"),
    recordVersion: z.literal(RECORD_VERSION),
    numViews: z.literal(recordedViews.bank.length),
  }),
});
const pictureSchema = z.strictObject({
  names: z.strictObject({
    key: names,
    photo: names,
    address: names,
    bytes: names.max(2),
    pixels: names,
  }),
  views: z.string().nullable(),
});

/** Reads a hashes file. Throws SourceError that names the line when `text`, the content of `file`, is none, or was changed in its form. */
export function parseHashes(text: string, file: string): HashesFile {
  const [first = "", ...lines] = text.split("\n");
  const { numPictures, salt } = parsed(headSchema, first, { file, line: 1 });
  if (lines.at(-1) !== "" || lines.length !== numPictures + 1) {
    throw notHashes(
      { file, line: lines.length },
      `it has ${lines.length - 1} pictures, its first line says ${numPictures}; the file is cut`,
    );
  }
  const pictures = lines.slice(0, -1).map((line, index) => {
    const place = { file, line: index + 2 };
    const found = parsed(pictureSchema, line, place);
    return { names: found.names, views: viewsIn(found.views, place) };
  });
  if (hashesText({ salt, pictures }) !== text) {
    throw notHashes({ file, line: 1 }, "it is not as it was written; the file was changed");
  }
  return { salt, pictures, digest: sha256(text) };
}

interface LinePlace {
  readonly file: string;
  readonly line: number;
}

function parsed<T>(schema: z.ZodType<T>, line: string, place: LinePlace): T {
  const found = schema.safeParse(jsonObject(line));
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw notHashes(place, `/${issue?.path.join("/")}: ${issue?.message}`);
}

function viewsIn(text: string | null, place: LinePlace): Uint8Array | null {
  if (text === null) return null;
  const views = Buffer.from(text, "base64");
  if (views.byteLength === VIEWS_BYTES) return views;
  throw notHashes(place, `its hashes have ${views.byteLength} bytes, expected ${VIEWS_BYTES}`);
}

function notHashes({ file, line }: LinePlace, found: string): SourceError {
  return new SourceError(
    `${file}: not the hashes of a test set (line ${line}): ${found}; expected format "${FORMAT}", version ${VERSION}`,
    {
      file,
      record: `line ${line}`,
      remedy: "ask the owner of the test set for a file of crossweave hashes export",
    },
  );
}
