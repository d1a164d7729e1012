import { styleText } from "node:util";

// Noncharacters: no published text has them, they survive escaping, and become colours only when printed.
const marks = { bold: "\ufdd0", dim: "\ufdd1", green: "\ufdd2", red: "\ufdd3" } as const;
const END = "\ufdd4";
const STYLED = /[\ufdd0-\ufdd3][^\ufdd0-\ufdd4]*\ufdd4/g;

type TextStyle = keyof typeof marks;

/** A part of a command's text in a style, which is shown where stdout has colours. */
export function styled(style: TextStyle, text: string): string {
  return `${marks[style]}${text}${END}`;
}

/** Turns what `styled` has marked into stdout's colours, or into plain text where it has none. */
export function showStyles(text: string): string {
  return text.replace(STYLED, (part) => {
    return styleText(styleOf(part.charAt(0)), part.slice(1, -1), { stream: process.stdout });
  });
}

function styleOf(mark: string): TextStyle {
  if (mark === marks.bold) return "bold";
  if (mark === marks.dim) return "dim";
  return mark === marks.green ? "green" : "red";
}
