import { isUtf8 } from "node:buffer";
import { SourceError } from "../../core/errors.ts";
import { escapedBytes, placeOfByte } from "./annotation-file.ts";
import type { AnnotationContent, AnnotationFile } from "./annotation-file.ts";
import { JsonSplitter, JsonStructureFault } from "./json-splitter.ts";
import type { JsonRun } from "./json-splitter.ts";
import { isObject } from "./record-fields.ts";

/** One value of an annotation file's outermost lists, or a member that is no list. */
export interface JsonElement {
  /** The key of its list in the outermost object; "" when the file is a list. */
  readonly member: string;
  /** Its position in the list; -1 for a member that is no list. */
  readonly index: number;
  /** Undefined when there is a fault. */
  readonly value: unknown;
  /** Why this value could not be read, although the file around it could. */
  readonly fault: string | null;
  /** Where its text lies in the unpacked content. */
  readonly byteOffset: number;
  readonly sizeBytes: number;
}

/** The JSON pointer (RFC 6901) of an element in its file: "/annotations/17". */
export function elementPointer(member: string, index: number): string {
  const key = member.replaceAll("~", "~0").replaceAll("/", "~1");
  if (index < 0) return `/${key}`;
  return member === "" ? `/${index}` : `/${key}/${index}`;
}

/**
 * Streams the elements of a JSON file of any size, in order, in batches. A value that is no JSON (a
 * bare NaN, bad UTF-8, a key given twice) is an element with a fault; a file whose structure is
 * broken (cut off, a bracket or comma missing) throws SourceError with the byte, line and remedy,
 * since nothing after the break could be trusted.
 */
export async function* readJsonElements(content: AnnotationContent): AsyncGenerator<JsonElement[]> {
  const splitter = new JsonSplitter();
  let head: Buffer | undefined;
  try {
    for await (const chunk of content.chunks()) {
      head ??= chunk.subarray(0, 64);
      for (const run of splitter.feed(chunk)) yield parseRun(run);
    }
    splitter.end();
  } catch (error) {
    if (!(error instanceof JsonStructureFault)) throw error;
    throw await structureError(content.file, error, head);
  }
}

function parseRun(run: JsonRun): JsonElement[] {
  const values = parsedTogether(run);
  return run.starts.map((start, offset) => {
    const { value, fault } =
      values === undefined
        ? parseJsonValue(run.bytes.subarray(start, run.ends[offset]))
        : { value: values[offset], fault: null };
    return elementOf(run, offset, { value, fault });
  });
}

function elementOf(run: JsonRun, offset: number, { value, fault }: ParsedJson): JsonElement {
  const { name, isList } = run.member;
  const [start = 0, end = 0] = [run.starts[offset], run.ends[offset]];
  return {
    member: name,
    index: isList ? run.firstIndex + offset : -1,
    value,
    fault,
    byteOffset: run.byteOffset + start,
    sizeBytes: end - start,
  };
}

/** A value, or why there is none. */
export interface ParsedJson {
  readonly value: unknown;
  readonly fault: string | null;
}

// One call for many values is what makes native parsing fast; undefined when any of them is faulty.
function parsedTogether(run: JsonRun): readonly unknown[] | undefined {
  if (!isUtf8(run.bytes)) return undefined;
  const values = tryParse(`[${run.bytes.toString("utf8")}]`).value;
  if (!Array.isArray(values) || values.length !== run.starts.length) return undefined;
  return countKeys(values) === run.numKeys ? values : undefined;
}

/** One JSON value, or why its bytes are none. */
export function parseJsonValue(bytes: Buffer): ParsedJson {
  if (!isUtf8(bytes)) return { value: undefined, fault: "is not UTF-8" };
  const text = bytes.toString("utf8");
  const parsed = tryParse(text);
  if (parsed.fault !== null) return parsed;
  return countKeys(parsed.value) === countColons(text)
    ? parsed
    : { value: undefined, fault: "has a key twice (ANN_DUP_KEY)" };
}

function tryParse(text: string): ParsedJson {
  try {
    const value: unknown = JSON.parse(text);
    return { value, fault: null };
  } catch {
    const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
    return { value: undefined, fault: `is not JSON: ${JSON.stringify(shown)}` };
  }
}

function countKeys(value: unknown): number {
  let total = 0;
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object") total += countKeys(item);
  } else if (isObject(value)) {
    // All keys are its own, as JSON.parse makes them: a key "__proto__" is one of them and does no harm.
    for (const key in value) {
      total += 1;
      const item = value[key];
      if (typeof item === "object") total += countKeys(item);
    }
  }
  return total;
}

function countColons(json: string): number {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"/gs, "").split(":").length - 1;
}

async function structureError(
  file: AnnotationFile,
  fault: JsonStructureFault,
  head: Buffer | undefined,
): Promise<SourceError> {
  const { line, column } = await placeOfByte(file, fault.byteOffset);
  const record = `byte ${fault.byteOffset} (line ${line}, column ${column})`;
  const begins =
    fault.byteOffset === 0 && head !== undefined ? `; it begins ${escapedBytes(head, 32)}` : "";
  return new SourceError(`${file.path}: ${fault.message}, at ${record}${begins}`, {
    file: file.path,
    record,
    remedy: "the file is damaged or not the official one: download it again",
  });
}
