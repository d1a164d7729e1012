import type { Command } from "commander";
import type { Progress } from "../core/progress.ts";
import { escapeControls } from "../core/text.ts";
import { faultOf, interruptedFault } from "./terminal/faults.ts";
import { Interruption } from "./terminal/interruption.ts";
import { briefly, printFault, printJson, printMessage, printText } from "./terminal/output.ts";
import {
  createBarDisplay,
  createLineDisplay,
  type ProgressDisplay,
} from "./terminal/progress-display.ts";
import { escapeLines } from "./terminal/terminal-text.ts";

/** What the body of a command is given. */
export interface CommandContext {
  /** Draws on stderr. */
  readonly progress: Progress;
  /** Aborted by Ctrl-C; the body then stops cleanly and lets the abort reason through. */
  readonly signal: AbortSignal;
  /** Whether stdout will hold one JSON document. */
  readonly json: boolean;
}

/** What a command gives: `result` is printed with `--json`, `text` otherwise. */
export interface CommandOutcome<R> {
  readonly result: R;
  readonly text: string;
  /** 0 unless the outcome itself is bad news, such as 20 of an audit that found leaks. */
  readonly exitCode?: number;
}

export interface RunOptions {
  /** The commander command of the action: the last argument of an action handler. */
  readonly command: Command;
  /** What the command is about to do; on stderr at once: "preparing coco from ../data". */
  readonly activity: string;
  /** The folder the command writes to, so that a full or read-only disk is named. */
  readonly writesTo?: string | undefined;
}

// How long open handles may keep a finished command alive before it is ended.
const LINGER_MS = 2000;

/**
 * Runs the body of a command inside the one frame all commands share: progress, Ctrl-C, the printing of
 * results and faults, and the exit code. Never rejects. Import heavy rooms inside `body`.
 */
export async function runCommand<R>(
  options: RunOptions,
  body: (context: CommandContext) => Promise<CommandOutcome<R>>,
): Promise<void> {
  const json = options.command.optsWithGlobals()["json"] === true;
  process.stderr.on("error", () => {}); // a closed stderr must not end the work
  process.once("uncaughtException", (error) => void endWithBug(error, json));
  process.once("exit", explainEmptyLoop);
  process.exitCode = await outcomeOf({ ...options, json }, body);
  process.off("exit", explainEmptyLoop);
  setTimeout(() => process.exit(), LINGER_MS).unref();
}

// Node's own exit code for "the event loop ran empty before the awaited work was done".
const EXIT_UNSETTLED = 13;

function explainEmptyLoop(exitCode: number): void {
  if (exitCode !== EXIT_UNSETTLED) return;
  process.exitCode = 1;
  printMessage("error: this is a bug in crossweave: the command waits for something nobody does");
}

async function outcomeOf<R>(
  options: RunOptions & { readonly json: boolean },
  body: (context: CommandContext) => Promise<CommandOutcome<R>>,
): Promise<number> {
  const { json } = options;
  using display = await createDisplay();
  using interruption = new Interruption(() =>
    display.say("stopping cleanly; press Ctrl-C again to stop at once"),
  );
  const { signal } = interruption;
  printMessage(`crossweave ${options.command.name()}: ${escapeControls(options.activity)}`);
  try {
    const outcome = await body({ progress: display, signal, json });
    display[Symbol.dispose]();
    await (json ? printJson(outcome.result) : printText(outcome.text));
    return outcome.exitCode ?? 0;
  } catch (error) {
    display[Symbol.dispose]();
    if (signal.aborted) return await endInterrupted({ error, json, signal });
    const fault = await faultOf(error, options.writesTo);
    await printFault(fault, json);
    return fault.exitCode;
  }
}

async function createDisplay(): Promise<ProgressDisplay> {
  // A terminal without a size, or a dumb one, cannot redraw a line.
  const canRedraw = process.stderr.isTTY && process.stderr.columns > 0;
  const display =
    canRedraw && process.env["TERM"] !== "dumb"
      ? await createBarDisplay(process.stderr)
      : createLineDisplay({
          write: (text) => void process.stderr.write(text),
          now: () => performance.now(),
        });
  return { ...display, say: (message) => display.say(escapeLines(message)) };
}

async function endInterrupted(end: {
  readonly error: unknown;
  readonly json: boolean;
  readonly signal: AbortSignal;
}): Promise<number> {
  // Ctrl-C also reaches child processes, so the error may be theirs; it is told, but not as the outcome.
  if (!isAbort(end.error, end.signal)) printMessage(`(while stopping: ${briefly(end.error)})`);
  await printFault(interruptedFault, end.json);
  return interruptedFault.exitCode;
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}

async function endWithBug(error: unknown, json: boolean): Promise<void> {
  const fault = await faultOf(error);
  await printFault(fault, json);
  process.exit(fault.exitCode);
}
