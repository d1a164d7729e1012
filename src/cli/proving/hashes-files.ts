import { type HashesFile, hashesText, parseHashes } from "../../audit/hidden/hashes-file.ts";
import { sha256 } from "../../core/digest.ts";
import { readGivenFile, refuseOtherFile, writeResultFile } from "../../core/files.ts";
import { escapeControls } from "../../core/text.ts";
import { shellWord } from "../terminal/shell-word.ts";

/** A file of hashes that was written. */
export interface WrittenHashes {
  readonly file: string;
  readonly digest: string;
  readonly numPictures: number;
  /** Of these, how many have perceptual hashes. */
  readonly numWithViews: number;
}

/** Throws RefusedError when `file` is there and holds no hashes. */
export function refuseOtherThanHashes(file: string): Promise<void> {
  return refuseOtherFile(file, {
    isEarlier: (bytes) => bytes.indexOf('{"format":"crossweave-hashes"') === 0,
    whatItIsNot: "holds no hashes",
  });
}

/** Writes hashes. Throws as `refuseOtherThanHashes`. */
export async function writeHashes(
  file: string,
  hashes: Omit<HashesFile, "digest">,
): Promise<WrittenHashes> {
  await refuseOtherThanHashes(file);
  const text = hashesText(hashes);
  await writeResultFile(file, text);
  const numWithViews = hashes.pictures.filter(({ views }) => views !== null).length;
  return { file, digest: sha256(text), numPictures: hashes.pictures.length, numWithViews };
}

/** Reads hashes. SourceError when `file` cannot be read or holds none. */
export async function readHashes(file: string): Promise<HashesFile> {
  const bytes = await readGivenFile(file, "name the file that crossweave hashes export wrote");
  return parseHashes(bytes.toString("utf8"), file);
}

/** What was written, and what it tells. */
export function hashesWrittenText(written: WrittenHashes): string {
  const { digest, file, numPictures, numWithViews } = written;
  const name = escapeControls(file);
  return [
    `${name}: hashes of ${numPictures.toLocaleString("en-US")} evaluation pictures, ${numWithViews.toLocaleString("en-US")} of them with perceptual hashes`,
    "whoever has a picture, or guesses its name, can find out whether it is among them; nothing else is told",
    `digest ${digest}`,
    `next: crossweave audit <set…> --against ${shellWord(name)}`,
  ].join("\n");
}
