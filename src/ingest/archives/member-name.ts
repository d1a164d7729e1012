import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { escapeControls } from "../../core/text.ts";
import { ArchiveFault } from "./archive-fault.ts";

/** The folder in which members are written before they get their names; no member may be called so. */
export const UNFINISHED_MEMBER = ".crossweave-unpacking";

const MAX_PATH_BYTES = 1024;
const MAX_NAME_BYTES = 255;
const SHOWN_CHARACTERS = 120;

/**
 * The path of a member below the folder that it is unpacked to, with forward slashes.
 * Throws ArchiveFault `ARC_UNSAFE_PATH` for every name that could lead out of the folder, that means
 * different files on different systems, or that cannot be a file name at all.
 */
export function safeMemberPath(rawName: Uint8Array): string {
  if (!isUtf8(rawName)) throw unsafe("the name is not UTF-8");
  const name = Buffer.from(rawName).toString("utf8");
  const parts = name.split("/");
  const why =
    whyRooted(name) ??
    (rawName.length > MAX_PATH_BYTES ? `the path has ${rawName.length} bytes` : undefined) ??
    parts.map(whyUnsafePart).find((reason) => reason !== undefined);
  if (why !== undefined) throw unsafe(why);
  return parts.join("/");
}

function whyRooted(name: string): string | undefined {
  if (name.startsWith("/")) return "the path is absolute";
  if (name.includes("\\")) return "the path has a backslash";
  if (/^[A-Za-z]:/.test(name)) return "the path names a drive";
  return undefined;
}

function whyUnsafePart(part: string): string | undefined {
  if (part === "..") return 'the path has ".."';
  if (part === "" || part === ".") return "the path has an empty part";
  if (part.startsWith(UNFINISHED_MEMBER)) return "the name is used while unpacking";
  if (escapeControls(part) !== part) return "the name has control characters";
  if (Buffer.byteLength(part) > MAX_NAME_BYTES) return "a part of the path is too long";
  return undefined;
}

function unsafe(why: string): ArchiveFault {
  return new ArchiveFault("ARC_UNSAFE_PATH", why);
}

/**
 * What two names have in common when some file system takes them for one: letter case and the
 * composition of accents do not count.
 */
export function collisionKey(path: string): Uint8Array {
  const folded = path.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
  return createHash("sha256").update(folded).digest().subarray(0, 16);
}

/** A member's name as it may be shown: escaped, and cut when it is very long. */
export function shownName(rawName: Uint8Array): string {
  const name = Buffer.from(rawName).toString(isUtf8(rawName) ? "utf8" : "latin1");
  const cut = name.length <= SHOWN_CHARACTERS ? name : `${name.slice(0, SHOWN_CHARACTERS)}…`;
  return escapeControls(cut);
}
