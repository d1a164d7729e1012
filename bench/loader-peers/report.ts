import { median } from "../shard-reading/measures.ts";
import type { Delivered } from "./contestant.ts";
import type { Result } from "./measure.ts";
import type { Demand, Row } from "./rows.ts";

const NAME_WIDTH = 50;
const COLUMN_WIDTHS = [7, 12, 14, 12, 7, 7, 8] as const;
const OUR_LETTERS = "ABC";

type Measure = Demand["measure"];

/** What became of a demand. */
export interface Verdict {
  readonly isMet: boolean;
  readonly text: string;
}

/** Prints a row: a table with the ratios of our lines to all others, then which demands are met; gives these. */
export function reportRow(row: Row, results: readonly Result[]): Verdict[] {
  const own = results.filter(({ plan }) => plan.order.program === "ours");
  console.log(`\n${row.title}`);
  console.log(line("", [...heading(row), ...own.map((_, index) => `${OUR_LETTERS[index]} / it`)]));
  for (const result of results) {
    const { name } = result.plan;
    const place = own.indexOf(result);
    const ratios = own.map((ours) =>
      ours === result ? "" : median(ratiosOf(row, [ours, result])).toFixed(2),
    );
    const lettered = place < 0 ? `  ${name}` : `${OUR_LETTERS[place]} ${name}`;
    console.log(line(lettered, [...figuresOf(row, result), ...ratios]));
  }
  const verdicts = row.demands.map((demand) => verdict(row, results, demand));
  for (const { text } of verdicts) console.log(`  ${text}`);
  for (const note of row.notes) console.log(`  * ${note}`);
  return verdicts;
}

function heading({ unit }: Row): string[] {
  return ["workers", `${unit}/s`, "min to max", "per CPU s", "cores", "level"];
}

function figuresOf(row: Row, { numWorkers, windows }: Result): string[] {
  const rates = windows.map((window) => rateOf(row, window));
  const perCpuSecond = windows.map((window) => rateOf(row, window, "perCpuSecond"));
  const numCores = windows.map(({ cpuSeconds, seconds }) => cpuSeconds / seconds);
  const levels = windows.map(({ meanLevel }) => meanLevel);
  return [
    String(numWorkers),
    median(rates).toFixed(0),
    `${Math.min(...rates).toFixed(0)} to ${Math.max(...rates).toFixed(0)}`,
    median(perCpuSecond).toFixed(0),
    median(numCores).toFixed(2),
    median(levels).toFixed(1),
  ];
}

/** "met" and "not met" are said of the median; where single rounds say otherwise, that is said as well. */
function verdict(row: Row, results: readonly Result[], { atLeast, measure, of }: Demand): Verdict {
  const [judged] = results;
  const other = results.find(({ plan }) => plan.name === of);
  if (judged === undefined || other === undefined) throw new TypeError(`no contestant "${of}"`);
  const ratios = ratiosOf(row, [judged, other], measure);
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
  const ratio = median(ratios);
  const rest = low < atLeast && atLeast <= high ? ", but not in every round alike" : "";
  const isMet = ratio >= atLeast;
  const wanted = measure === "rate" ? `${row.unit}/s` : `${row.unit} per CPU second`;
  const figure = `${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  const said = `${isMet ? "met" : "NOT MET"}${rest}`;
  return { isMet, text: `${row.key}: ${wanted} >= ${atLeast} x ${of}: ${figure} ${said}` };
}

/** Round by round. */
function ratiosOf(
  row: Row,
  [first, second]: readonly [Result, Result],
  measure: Measure = "rate",
): number[] {
  return first.windows.map((window, round) => {
    const other = second.windows[round];
    return other === undefined
      ? Number.NaN
      : rateOf(row, window, measure) / rateOf(row, other, measure);
  });
}

function rateOf({ unit }: Row, window: Delivered, measure: Measure = "rate"): number {
  const delivered = unit === "pairs" ? window.numPairs : window.numPictures;
  return delivered / (measure === "rate" ? window.seconds : window.cpuSeconds);
}

function line(name: string, columns: readonly string[]): string {
  const last = COLUMN_WIDTHS.length - 1;
  const cells = columns.map((cell, index) =>
    cell.padStart(COLUMN_WIDTHS[Math.min(index, last)] ?? 0),
  );
  return `${name.padEnd(NAME_WIDTH)}${cells.join("")}`.trimEnd();
}
