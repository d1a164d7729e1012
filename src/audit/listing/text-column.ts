/** Texts in UTF-8, one after the other. */
export interface TextColumn {
  readonly bytes: Uint8Array;
  /** Where each of them ends. */
  readonly ends: Uint32Array;
}

export function textColumn(texts: readonly string[]): TextColumn {
  const ends = new Uint32Array(texts.length);
  let end = 0;
  for (const [index, text] of texts.entries()) {
    end += Buffer.byteLength(text);
    ends[index] = end;
  }
  return { bytes: Buffer.from(texts.map((text) => text.toWellFormed()).join("")), ends };
}

/** The bytes of a text, which are the column's own. */
export function textBytes({ bytes, ends }: TextColumn, index: number): Uint8Array {
  return bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]);
}

export function textAt(column: TextColumn, index: number): string {
  const { buffer, byteLength, byteOffset } = textBytes(column, index);
  return Buffer.from(buffer, byteOffset, byteLength).toString();
}
