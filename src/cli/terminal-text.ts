// Everything that could steer a terminal or reorder what is shown: C0 but tab and line feed, DEL, C1,
// line separators, bidirectional controls, unpaired surrogates.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Cs}/gu;

/** `text` with every control character but tab and line feed spelled out (`\x1b`), so that hostile names cannot steer a terminal. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, spelledOut);
}

/** As `escapeControls`, and on one line: line feeds and tabs are spelled out too. */
export function escapeLine(text: string): string {
  return escapeControls(text)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll("\t", String.raw`\t`);
}

/** One JSON document, two spaces deep, that is safe to show on a terminal. */
export function jsonDocument(value: unknown): string {
  // A line feed never occurs inside a JSON string, so only \u escapes are written here.
  return JSON.stringify(value, null, 2).replace(UNSAFE, unicodeEscape);
}

function spelledOut(character: string): string {
  const code = character.charCodeAt(0);
  return code < 256
    ? String.raw`\x${code.toString(16).padStart(2, "0")}`
    : unicodeEscape(character);
}

function unicodeEscape(character: string): string {
  return String.raw`\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const UNITS = ["KB", "MB", "GB", "TB"];

/** A number of bytes as a person reads it: "0 bytes", "1.5 GB" (powers of 1000). */
export function formatBytes(sizeBytes: number): string {
  if (sizeBytes < 1000) return `${sizeBytes} bytes`;
  const power = Math.min(Math.floor(Math.log10(sizeBytes) / 3), UNITS.length);
  return `${(sizeBytes / 1000 ** power).toFixed(1)} ${UNITS[power - 1]}`;
}

/** Seconds as a person reads them: "42 s", "7 min 05 s", "3 h 12 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${twoDigits(whole % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
