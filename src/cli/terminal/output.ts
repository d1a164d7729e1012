import { arch, platform } from "node:os";
import { inspect, styleText } from "node:util";
import { IncompleteError } from "../../core/errors.ts";
import { escapeControls } from "../../core/text.ts";
import type { Fault } from "./faults.ts";
import { escapeLines, jsonDocument } from "./terminal-text.ts";
import { showStyles } from "./text-style.ts";

/** Writes to stdout and waits until it is taken; a reader that left early (`| head`) is no fault. */
async function printOut(text: string): Promise<void> {
  const error = await new Promise<Error | null | undefined>((resolve) => {
    process.stdout.once("error", resolve);
    process.stdout.write(text, resolve);
  });
  if (!(error instanceof Error) || ("code" in error && error.code === "EPIPE")) return;
  throw new IncompleteError(`the result cannot be printed on stdout: ${error.message}`, {
    remedy: "send it where there is space; what the command wrote to files is there",
    cause: error,
  });
}

/** Prints what a person reads on stdout, control characters spelled out, `styled` parts in colour. */
export function printText(text: string): Promise<void> {
  if (text === "") return Promise.resolve();
  return printOut(`${showStyles(escapeLines(text.trimEnd()))}\n`);
}

/** Prints the one JSON document of `--json` on stdout. */
export function printJson(value: unknown): Promise<void> {
  return printOut(`${jsonDocument(value)}\n`);
}

/** A message on stderr, control characters spelled out. */
export function printMessage(message: string): void {
  process.stderr.write(`${escapeLines(message)}\n`);
}

/** Tells of a fault: readable on stderr, and as `{"error": …}` on stdout with `--json`. */
export async function printFault(fault: Fault, json: boolean): Promise<void> {
  process.stderr.write(`${faultText(fault)}\n`);
  if (!json) return;
  const { code, message, file, record, remedy } = fault;
  // Where stdout itself is the fault, stderr has told it.
  await printJson({ error: { code, message, file, record, remedy } }).catch(() => {});
}

function faultText(fault: Fault): string {
  if (fault.code === "INTERRUPTED") return fault.message; // its message is its remedy
  const lines = [headline(fault)];
  if (fault.file !== null) lines.push(`  ${faint("file")}    ${escapeControls(fault.file)}`);
  if (fault.record !== null) lines.push(`  ${faint("record")}  ${escapeControls(fault.record)}`);
  if (fault.remedy !== null) lines.push(`  ${faint("remedy")}  ${escapeLines(fault.remedy)}`);
  if (fault.stack !== undefined)
    lines.push(escapeLines(fault.stack), `node ${process.version}, ${platform()} ${arch()}`);
  return lines.join("\n");
}

function headline(fault: Fault): string {
  const word = styleText(["red", "bold"], "error", { stream: process.stderr });
  return `${word}: ${escapeLines(fault.message)}`;
}

function faint(text: string): string {
  return styleText("dim", text, { stream: process.stderr });
}

/** Any thrown value in one line, for a note beside another message. */
export function briefly(error: unknown): string {
  return escapeControls(error instanceof Error ? error.message : inspect(error));
}
