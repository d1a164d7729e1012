import { escapeControls } from "../../core/text.ts";
import type { LoaderMeasure } from "../../loader/measuring/loader-bench.ts";
import type { ReadingRate } from "../../loader/measuring/read-pictures.ts";
import { formatBytes } from "../terminal/terminal-text.ts";
import { styled } from "../terminal/text-style.ts";
import type { LoaderBenchResult } from "./run-loader-bench.ts";

// With less of the cores than this, all rates are too low to mean anything.
const UNDISTURBED_SHARE = 0.9;

// Steps that wait no more than this are fed.
const FED_SHARE = 0.01;

/** The measurements as a person reads them: what was measured, three tables, and what follows from them. */
export function loaderBenchText(result: LoaderBenchResult): string {
  return [
    styled("bold", headline(result)),
    styled(
      "dim",
      `${counted(result.numCores, "core")}; ${result.settings.secondsPerMeasurement} s for each measurement; what else runs now makes all of it slower`,
    ),
    "",
    readingTable(result),
    "",
    floorTable(result),
    "",
    loaderTable(result),
    "",
    feedTable(result),
    "",
    ...adviceText(result),
    "",
    ...notes(result).map((note) => styled("dim", note)),
  ].join("\n");
}

function headline({ numSamples, sets, settings }: LoaderBenchResult): string {
  const { crop, pictures, picturesPerBatch, textsPerPicture } = settings;
  const names = sets.map(({ folder, splits }) =>
    escapeControls(`${folder} (${splits.join(", ")})`),
  );
  const parts = [
    `batches of ${picturesPerBatch}`,
    `${crop ? "random crops" : "whole pictures"} at ${sizeText(pictures)}`,
    `${textsPerPicture} texts each`,
  ];
  return `${names.join(", ")}: ${counted(numSamples, "picture")}; ${parts.join(", ")}`;
}

function sizeText(pictures: LoaderBenchResult["settings"]["pictures"]): string {
  switch (pictures.kind) {
    case "square":
      return `${pictures.size} x ${pictures.size} px`;
    case "keep-ratio":
      return `sides of ${pictures.shorter} to ${pictures.longer} px`;
    case "none":
      return "no size";
  }
}

function readingTable({ reading }: LoaderBenchResult): string {
  return table([
    ["reading, 1 thread", "pictures/s", "a second", "p50 ms", "p99 ms"],
    readingRow("the first time", reading.first),
    readingRow("again", reading.again),
  ]);
}

function readingRow(name: string, rate: ReadingRate): string[] {
  return [
    name,
    amount(rate.picturesPerSecond),
    formatBytes(Math.round(rate.bytesPerSecond)),
    milliseconds(rate.p50Ms),
    milliseconds(rate.p99Ms),
  ];
}

function floorTable({ floor, numCores }: LoaderBenchResult): string {
  return table([
    ["decoding from memory", "pictures/s"],
    ["1 thread", amount(floor.oneThread)],
    ...(numCores === 1 ? [] : [[`${numCores} threads`, amount(floor.allCores)]]),
  ]);
}

function loaderTable({ loaders }: LoaderBenchResult): string {
  return table([
    [
      "loading",
      "pictures/s",
      "of decoding",
      "batch ms",
      "first batch ms",
      "main thread ms",
      "p99",
      "longest",
    ],
    ...loaders.map(({ mainThread, ...loader }) => [
      workers(loader.numWorkers),
      amount(loader.picturesPerSecond),
      percent(loader.shareOfFloor, 0),
      milliseconds(loader.batchMs),
      loader.firstBatchMs.toFixed(0),
      mainThread.p50Ms.toFixed(2),
      mainThread.p99Ms.toFixed(2),
      mainThread.longestMs.toFixed(2),
    ]),
  ]);
}

function feedTable({ loaders }: LoaderBenchResult): string {
  const rows = loaders.flatMap((loader) =>
    loader.steps.map(({ longestWaitMs, stallShare, stepMs }) => [
      workers(loader.numWorkers),
      String(stepMs),
      percent(stallShare, 1),
      longestWaitMs.toFixed(1),
      formatBytes(loader.residentBytes),
    ]),
  );
  return table([
    ["feeding steps", "of ms", "waiting", "longest wait ms", "process memory"],
    ...rows,
  ]);
}

function adviceText({ advice, floor, loaders, reading, settings }: LoaderBenchResult): string[] {
  const { batchMs, numWorkers, shortestStepMs } = advice;
  const fastest = Math.max(...loaders.map(({ picturesPerSecond }) => picturesPerSecond));
  const slowReading =
    reading.first.picturesPerSecond < fastest
      ? [
          `one thread read ${amount(reading.first.picturesPerSecond)} pictures/s the first time, fewer than are decoded: the first epoch may wait for the disk or the network`,
        ]
      : [];
  const disturbance =
    floor.shareOfCores < UNDISTURBED_SHARE
      ? [
          styled(
            "red",
            `other work is running: decoding with all cores had ${percent(floor.shareOfCores, 0)} of them; measure again when they are free`,
          ),
          ...loaders.map(
            ({ cpuShareOfFloor, numWorkers: count }) =>
              `${workers(count)}, by processor time, which that disturbs less: ${percent(cpuShareOfFloor, 0)} of decoding`,
          ),
        ]
      : [];
  return [
    styled(
      "bold",
      `${workers(numWorkers)}: a batch of ${settings.picturesPerBatch} every ${milliseconds(batchMs)} ms, for steps of ${shortestStepMs} ms and longer`,
    ),
    ...fedSteps(loaders),
    ...slowReading,
    ...disturbance,
  ];
}

/** For each length of steps, the fewest workers that feed it. */
function fedSteps(loaders: readonly LoaderMeasure[]): string[] {
  return (loaders[0]?.steps ?? []).map(({ stepMs }, position) => {
    const stall = (loader: LoaderMeasure): number => loader.steps[position]?.stallShare ?? 1;
    const enough = loaders.find((loader) => stall(loader) <= FED_SHARE);
    const best = enough ?? loaders.toSorted((one, other) => stall(one) - stall(other))[0];
    const waiting = best === undefined ? "" : `${percent(stall(best), 1)} of the time waiting`;
    return enough === undefined
      ? `measured with steps of ${stepMs} ms: none feeds them; at best ${waiting}`
      : `measured with steps of ${stepMs} ms: ${workers(enough.numWorkers)} will do, ${waiting}`;
  });
}

function notes({ settings }: LoaderBenchResult): string[] {
  return [
    "Beyond decoding, a batch has its order, its texts read, paired, tokenized and masked, its pictures read and checked.",
    "The steps here only wait, as for a GPU: training on the CPU needs the workers' cores too.",
    "Every picture is decoded anew, as with sets that do not fit into memory.",
    ...(settings.vocabulary === null
      ? ["Texts were cut by a vocabulary of the set's own words; --vocabulary names yours."]
      : []),
  ];
}

/** Lines with columns two spaces apart: names on the left, numbers on the right under their headings. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const cellText = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    return column === 0 ? cell.padEnd(width) : cell.padStart(width);
  };
  return rows.map((row) => row.map((cell, column) => cellText(cell, column)).join("  ")).join("\n");
}

function amount(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 1 : 0 });
}

function milliseconds(value: number): string {
  return value.toFixed(value < 10 ? 2 : 0);
}

function percent(share: number, digits: number): string {
  return `${(100 * share).toFixed(digits)} %`;
}

function workers(count: number): string {
  return counted(count, "worker");
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
