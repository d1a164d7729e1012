import { isUtf8 } from "node:buffer";
import { SourceError } from "../../core/errors.ts";
import type { AnnotationContent } from "./annotation-file.ts";
import { type ParsedJson, parseJsonValue } from "./json-elements.ts";

/** A line of a text file, still as bytes. */
export interface TextLine {
  /** Without its end. */
  readonly bytes: Buffer;
  /** Position of its first byte in the unpacked content. */
  readonly byteOffset: number;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** A longer line is no record but a file without line ends. */
const MAX_LINE_BYTES = 64 * 2 ** 20;

/** The lines of a text file of any size, in batches; an empty last one is left out. */
export async function* readTextLines(content: AnnotationContent): AsyncGenerator<TextLine[]> {
  let tail: Buffer = Buffer.alloc(0);
  let tailOffset = 0;
  for await (const chunk of content.chunks()) {
    const buffer = tail.length === 0 ? chunk : Buffer.concat([tail, chunk]);
    const lines: TextLine[] = [];
    let start = 0;
    // Only the new bytes can hold a line end.
    let end = buffer.indexOf(LINE_FEED, tail.length);
    while (end !== -1) {
      lines.push({ bytes: withoutReturn(buffer, start, end), byteOffset: tailOffset + start });
      start = end + 1;
      end = buffer.indexOf(LINE_FEED, start);
    }
    tail = buffer.subarray(start);
    tailOffset += start;
    if (tail.length > MAX_LINE_BYTES) throw lineTooLong(content.file.path);
    if (lines.length > 0) yield lines;
  }
  if (tail.length > 0) {
    yield [{ bytes: withoutReturn(tail, 0, tail.length), byteOffset: tailOffset }];
  }
}

function withoutReturn(buffer: Buffer, start: number, end: number): Buffer {
  const isReturn = end > start && buffer[end - 1] === CARRIAGE_RETURN;
  return buffer.subarray(start, isReturn ? end - 1 : end);
}

function lineTooLong(file: string): SourceError {
  return new SourceError(`${file}: a line is longer than ${MAX_LINE_BYTES} bytes`, {
    file,
    remedy: "the file is damaged or not the official one: download it again",
  });
}

/** The text of a line, or why it is none. */
export function parseTextLine(bytes: Buffer): ParsedJson {
  return isUtf8(bytes)
    ? { value: bytes.toString("utf8"), fault: null }
    : { value: undefined, fault: "is not UTF-8" };
}

/** The JSON value of a line; an empty line is undefined without a fault. */
export function parseJsonLine(bytes: Buffer): ParsedJson {
  return isBlank(bytes) ? { value: undefined, fault: null } : parseJsonValue(bytes);
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09);
}
