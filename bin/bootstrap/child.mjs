import { spawn } from "node:child_process";
import { constants } from "node:os";

let interrupted = false;
const running = new Set();

// Children get the first word on an interruption; this process ends when they have stopped.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    interrupted = true;
    for (const child of running) child.kill(signal);
    if (running.size === 0) process.exit(130);
  });
}

/** Runs a program to its end and gives its exit code; 130 after an interruption, 127 when there is no such program. */
export function runChild(command, args, { onStart = () => {}, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "inherit", ...options });
    running.add(child);
    if (child.pid !== undefined) onStart(child.pid);
    const settle = (code) => {
      running.delete(child);
      resolve(interrupted ? 130 : code);
    };
    child.on("error", () => settle(127));
    child.on("exit", (code, signal) =>
      settle(signal === null ? code : 128 + constants.signals[signal]),
    );
  });
}

/** The stdio of a child whose output is not this command's result: all of it on stderr. */
export const toStderr = ["ignore", process.stderr, process.stderr];
