import { parse, View } from "vega";
import { compile, type Config, type TopLevelSpec } from "vega-lite";
import type { CurvePoint, RunCurve } from "./run-report.ts";

/** Steps drawn as one point: their mean, with the lowest and the highest value around it. */
export interface CurveBin {
  readonly step: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const MAX_BINS = 160;
// Above this ratio of the highest to the lowest value a loss shows nothing on a linear axis.
const LOG_RATIO = 20;
const WIDTH = 360;
const HEIGHT = 210;

/** The curve as an SVG element that takes its colours from the page. */
export async function renderCurve(curve: RunCurve): Promise<string> {
  const { spec } = compile(curveSpec(curve));
  const view = new View(parse(spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return svg.replace(/ xmlns(?::xlink)?="[^"]*"/g, "").replace(/ class="marks"/, ' class="curve"');
}

/** The points in order of their steps, in at most `maxBins` groups of as equal a number as can be. */
export function binPoints(points: readonly CurvePoint[], maxBins: number = MAX_BINS): CurveBin[] {
  const drawn = points.filter(({ value }) => Number.isFinite(value));
  const ordered = drawn.toSorted((a, b) => a.step - b.step);
  const numBins = Math.min(maxBins, ordered.length);
  return Array.from({ length: numBins }, (_, bin) => {
    const start = Math.floor((bin * ordered.length) / numBins);
    const end = Math.floor(((bin + 1) * ordered.length) / numBins);
    return summarize(ordered.slice(start, end));
  });
}

function summarize(points: readonly CurvePoint[]): CurveBin {
  let [steps, sum, low, high] = [0, 0, Infinity, -Infinity];
  for (const { step, value } of points) {
    steps += step;
    sum += value;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { step: steps / points.length, mean: sum / points.length, low, high };
}

function curveSpec(curve: RunCurve): TopLevelSpec {
  const bins = binPoints(curve.points);
  const x = {
    field: "step",
    type: "quantitative",
    axis: { tickCount: 4, labelExpr: STEP_LABEL, grid: false },
    title: "step",
    scale: { nice: false },
  } as const;
  const y = { type: "quantitative", title: null, ...valueAxis(curve, bins) } as const;
  return {
    width: WIDTH,
    height: HEIGHT,
    background: "transparent",
    padding: 2,
    autosize: { type: "fit", contains: "padding" },
    data: { values: bins.map((bin) => Object.assign({}, bin)) },
    layer: [
      {
        mark: { type: "area", color: "var(--accent)", opacity: 0.2 },
        encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" } },
      },
      {
        mark: { type: "line", color: "var(--accent)", strokeWidth: 1.8, strokeJoin: "round" },
        encoding: { x, y: { ...y, field: "mean" } },
      },
      {
        mark: { type: "rule", color: "currentColor", strokeDash: [4, 4], opacity: 0.55 },
        data: { values: curve.reference === null ? [] : [{ level: curve.reference.value }] },
        encoding: { y: { ...y, field: "level" } },
      },
    ],
    config: chartConfig,
  };
}

const STEP_LABEL = "datum.value >= 1000 ? datum.value / 1000 + 'k' : datum.value";

// Values that stay below are written with powers of ten.
const SMALL = 0.01;
const VALUE_LABEL = "format(datum.value, '~g')";
const SMALL_LABEL = "datum.value === 0 ? '0' : format(datum.value, '~e')";

interface ValueAxis {
  readonly scale: { readonly type: "log"; readonly nice: false } | { readonly zero: true };
  readonly axis: {
    readonly labelExpr: string;
    readonly minExtent: number;
    readonly tickCount?: number;
    readonly values?: number[];
  };
}

function valueAxis(curve: RunCurve, bins: readonly CurveBin[]): ValueAxis {
  const levels = curve.reference === null ? [] : [curve.reference.value];
  const low = [...levels, ...bins.map((bin) => bin.low)].reduce((a, b) => Math.min(a, b));
  const high = [...levels, ...bins.map((bin) => bin.high)].reduce((a, b) => Math.max(a, b));
  const axis = { labelExpr: high < SMALL ? SMALL_LABEL : VALUE_LABEL, minExtent: 34 };
  return low > 0 && high / low > LOG_RATIO
    ? { scale: { type: "log", nice: false }, axis: { ...axis, values: logTicks(low, high) } }
    : { scale: { zero: true }, axis: { ...axis, tickCount: 4 } };
}

/** 1, 2 and 5 times the powers of ten between two positive numbers; the powers alone when those are many. */
export function logTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const numPowers = Math.ceil(Math.log10(high)) - first + 1;
  const factors = numPowers > MAX_LABELLED_POWERS ? [1] : [1, 2, 5];
  return Array.from({ length: numPowers }, (_, index) => first + index)
    .flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`)))
    .filter((tick) => tick >= low && tick <= high);
}

const MAX_LABELLED_POWERS = 4;

const chartConfig: Config = {
  font: "inherit",
  view: { stroke: null },
  axis: {
    labelColor: "currentColor",
    titleColor: "currentColor",
    domainColor: "currentColor",
    tickColor: "currentColor",
    gridColor: "currentColor",
    gridOpacity: 0.12,
    domainOpacity: 0.35,
    tickOpacity: 0.35,
    labelOpacity: 0.8,
    titleOpacity: 0.8,
    titleFontWeight: "normal",
    labelFontSize: 11,
    titleFontSize: 11,
  },
};
