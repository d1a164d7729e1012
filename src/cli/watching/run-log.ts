import { appendFile, readFile } from "node:fs/promises";
import { errnoOf } from "../../core/errors.ts";
import type { RunEvent, RunObserver } from "../../train/run/run-events.ts";

/**
 * Logs what happens in a run, but its steps, as lines of JSON with the time: start and resume, steps left out, what a
 * system says of itself, checkpoints, the end. Metrics have no times, so that equal runs have equal files; this has them.
 */
export function runLog(path: string, now: () => Date = () => new Date()): RunObserver {
  return async (event) => {
    if (event.kind === "step") return;
    const line = JSON.stringify({ time: now().toISOString(), ...named(event) });
    const start = event.kind === "start" && (await isCut(path)) ? "\n" : "";
    await appendFile(path, `${start}${line}\n`);
  };
}

function named({ kind, ...rest }: Exclude<RunEvent, { readonly kind: "step" }>): object {
  const event = kind === "start" && "totalSteps" in rest && rest.step > 0 ? "resume" : kind;
  return { event, ...rest };
}

/** Whether a kill has cut the last line. */
async function isCut(path: string): Promise<boolean> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return "";
    throw error;
  });
  return text !== "" && !text.endsWith("\n");
}
