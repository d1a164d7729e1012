import { execFileSync } from "node:child_process";

/** The value that a share of all others lies below. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** How many microseconds `run` takes. */
export async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) * 1000;
}

/** The processor time, in seconds, of a program that is run to its end. */
export function cpuSecondsOf(command: string, args: readonly string[]): number {
  const script = 'TIMEFORMAT="%U %S"; time "$@" >/dev/null';
  const output = execFileSync("bash", ["-c", `{ ${script}; } 2>&1`, "bash", command, ...args], {
    encoding: "utf8",
  });
  return output
    .trim()
    .split(" ")
    .reduce((sum, seconds) => sum + Number(seconds), 0);
}

/** Prints one measure. */
export function report(name: string, value: string): void {
  console.log(`${name.padEnd(48)} ${value}`);
}

/** Prints a measure beside what was demanded of it: its share of the demand, and whether that is met. */
export function demand(
  name: string,
  value: number,
  wanted: { readonly unit: string } & ({ readonly atMost: number } | { readonly atLeast: number }),
): void {
  const [word, limit, isMet] =
    "atMost" in wanted
      ? (["at most", wanted.atMost, value <= wanted.atMost] as const)
      : (["at least", wanted.atLeast, value >= wanted.atLeast] as const);
  const unit = wanted.unit === "" ? "" : ` ${wanted.unit}`;
  const shown = `${rounded(value)}${unit}`;
  const verdict = isMet ? "met" : "not met";
  report(
    name,
    `${shown} (${word} ${limit}${unit}: ${(value / limit).toFixed(2)} of it, ${verdict})`,
  );
}

function rounded(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
