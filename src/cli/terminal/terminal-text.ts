import { escapeControls } from "../../core/text.ts";

/** As core's `escapeControls`, but line feeds and tabs stay: for texts of several lines. */
export function escapeLines(text: string): string {
  return text.replace(/[^\n\t]+/g, escapeControls);
}

/** One JSON document, two spaces deep, that is safe to show on a terminal. */
export function jsonDocument(value: unknown): string {
  // What JSON itself leaves unescaped: DEL, C1, bidirectional marks, line separators.
  return JSON.stringify(value, null, 2).replace(
    /[\x7f-\x9f\p{Bidi_Control}\p{Zl}\p{Zp}]/gu,
    (character) => String.raw`\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
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
