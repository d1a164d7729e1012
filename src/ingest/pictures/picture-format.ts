import { escapedBytes } from "../annotations/annotation-file.ts";
import { readJpegStructure } from "../decoding/jpeg-structure.ts";
import { PictureFault } from "./picture-fault.ts";

const pictureFormats = ["jpeg", "png", "webp", "gif"] as const;

/** The formats that are read; everything else is refused by its first bytes, whatever its name says. */
export type PictureFormat = (typeof pictureFormats)[number];

/** A format's first bytes as Latin-1; "." stands for any byte. */
const ALLOWED: Readonly<Record<PictureFormat, readonly string[]>> = {
  jpeg: ["\xff\xd8\xff"],
  png: ["\x89PNG\r\n\x1a\n"],
  webp: ["RIFF....WEBP"],
  gif: ["GIF87a", "GIF89a"],
};

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  PDF: ["%PDF-"],
  TIFF: ["II*\0", "MM\0*"],
  "HEIC or AVIF": ["....ftyp"],
  BMP: ["BM"],
  "JPEG 2000": ["\0\0\0\x0cjP  ", "\xff\x4f\xff\x51"],
  "JPEG XL": ["\xff\x0a", "\0\0\0\x0cJXL "],
};

const SVG = /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^]*)?(?:<!--[^]*-->\s*)?(?:<!DOCTYPE svg|<svg\b)/i;

const SNIFFED_BYTES = 512;

/**
 * The format that the first bytes show.
 * Throws PictureFault `IMG_EMPTY`, `IMG_FORMAT_NOT_ALLOWED` or `IMG_NOT_IMAGE`.
 */
export function sniffFormat(bytes: Uint8Array): PictureFormat {
  if (bytes.length === 0) throw new PictureFault("IMG_EMPTY", "the file has no bytes");
  const head = Buffer.from(bytes.subarray(0, SNIFFED_BYTES)).toString("latin1");
  const format = pictureFormats.find((name) => beginsWith(head, ALLOWED[name]));
  if (format !== undefined) return format;
  const other = SVG.test(head) ? "SVG" : refusedFormat(head);
  if (other !== undefined) {
    const allowed = pictureFormats.join(", ");
    throw new PictureFault("IMG_FORMAT_NOT_ALLOWED", `the file is ${other}; read are ${allowed}`);
  }
  throw new PictureFault("IMG_NOT_IMAGE", `the file begins ${escapedBytes(bytes, 24)}`);
}

function refusedFormat(head: string): string | undefined {
  return Object.keys(REFUSED).find((name) => beginsWith(head, REFUSED[name] ?? []));
}

function beginsWith(head: string, signatures: readonly string[]): boolean {
  return signatures.some((signature) =>
    Array.from(signature).every((expected, at) => expected === "." || head[at] === expected),
  );
}

function isJpegCutOff(bytes: Buffer): boolean {
  const structure = readJpegStructure(bytes);
  if (structure !== undefined) return structure.endOffset === null;
  return bytes.toString("latin1", bytes.length - 2) !== "\xff\xd9";
}

/** Whether a picture that does not decode lacks its end, rather than being wrong inside. */
export function isCutOff(format: PictureFormat, bytes: Buffer): boolean {
  switch (format) {
    case "jpeg":
      return isJpegCutOff(bytes);
    case "png":
      return !bytes.includes("IEND", -12, "latin1");
    case "webp":
      return bytes.length < 12 || bytes.readUInt32LE(4) + 8 > bytes.length;
    case "gif":
      return bytes.at(-1) !== 0x3b;
  }
}
