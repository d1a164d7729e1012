/** Texts in UTF-8, one after the other. */
export interface TextColumn {
  readonly bytes: Uint8Array;
  /** Where each of them ends. */
  readonly ends: Uint32Array;
}

export function textColumn(texts: readonly string[]): TextColumn {
  const joined = texts.join("");
  const bytes = Buffer.from(joined);
  // Of ASCII alone, as almost all names are, every character is a byte.
  if (bytes.length === joined.length) return { bytes, ends: endsOf(texts, ({ length }) => length) };
  const wellFormed = texts.map((text) => text.toWellFormed());
  return {
    bytes: Buffer.from(wellFormed.join("")),
    ends: endsOf(wellFormed, (text) => Buffer.byteLength(text)),
  };
}

function endsOf(texts: readonly string[], lengthOf: (text: string) => number): Uint32Array {
  const ends = new Uint32Array(texts.length);
  let end = 0;
  for (let index = 0; index < texts.length; index += 1) {
    end += lengthOf(texts[index] ?? "");
    ends[index] = end;
  }
  return ends;
}

/** The bytes of a text, which are the column's own. */
export function textBytes(column: TextColumn, index: number): Uint8Array {
  return column.bytes.subarray(startOf(column, index), column.ends[index]);
}

function startOf({ ends }: TextColumn, index: number): number {
  return index === 0 ? 0 : (ends[index - 1] ?? 0);
}

/** Whether two texts are the same, each by its column and its place there. */
export function areEqual(
  [one, oneIndex]: readonly [TextColumn, number],
  [other, otherIndex]: readonly [TextColumn, number],
): boolean {
  const [start, otherStart] = [startOf(one, oneIndex), startOf(other, otherIndex)];
  const length = (one.ends[oneIndex] ?? 0) - start;
  if ((other.ends[otherIndex] ?? 0) - otherStart !== length) return false;
  for (let at = 0; at < length; at += 1) {
    if (one.bytes[start + at] !== other.bytes[otherStart + at]) return false;
  }
  return true;
}

export function textAt(column: TextColumn, index: number): string {
  const { buffer, byteLength, byteOffset } = textBytes(column, index);
  if (byteLength === 0) return "";
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}
