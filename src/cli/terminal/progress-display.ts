import type { Progress, ProgressReading } from "../../core/progress.ts";
import { escapeControls } from "../../core/text.ts";
import { formatBytes, formatDuration } from "./terminal-text.ts";

/** A Progress that somebody looks at; disposing it leaves the cursor on a fresh line. */
export interface ProgressDisplay extends Progress, Disposable {}

export interface DisplayOptions {
  readonly write: (text: string) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

const LINE_EVERY_MS = 30_000;
const DRAW_EVERY_MS = 100;
const BAR_WIDTH = 24;
const MIN_BAR_WIDTH = 4;
/** The unit that is written as "1.5 GB". */
const BYTES = "bytes";

/** For logs and pipes: messages at once, a line of progress at most every 30 s. */
export function createLineDisplay(options: DisplayOptions): ProgressDisplay {
  const pace = new Pace(options.now);
  let lastLineMs = options.now();
  let latest: ProgressReading | undefined;
  const writeWhenDue = () => {
    if (latest === undefined || options.now() - lastLineMs < LINE_EVERY_MS) return;
    lastLineMs = options.now();
    options.write(`${describe(latest, pace)}\n`);
  };
  // A step that reports nothing for long still shows that the command lives.
  const heartbeat = setInterval(writeWhenDue, LINE_EVERY_MS);
  heartbeat.unref();
  return {
    report(reading) {
      latest = reading;
      pace.observe(reading);
      writeWhenDue();
    },
    say: (message) => options.write(`${message}\n`),
    [Symbol.dispose]: () => clearInterval(heartbeat),
  };
}

/** For a terminal: one bar, redrawn in place at most ten times a second, with messages above it. */
export async function createBarDisplay(stream: NodeJS.WritableStream): Promise<ProgressDisplay> {
  const { createLogUpdate } = await import("log-update");
  const draw = createLogUpdate(stream, { showCursor: true });
  const pace = new Pace(() => performance.now());
  let lastDrawnMs = Number.NEGATIVE_INFINITY;
  let latest: ProgressReading | undefined;
  const keepFinished = () => {
    if (latest === undefined || latest.done !== latest.total) return;
    draw.clear();
    stream.write(`${describeFinished(latest, pace)}\n`);
    latest = undefined;
  };
  return {
    report(reading) {
      if (latest?.activity !== reading.activity) keepFinished();
      latest = reading;
      pace.observe(reading);
      if (performance.now() - lastDrawnMs < DRAW_EVERY_MS) return;
      lastDrawnMs = performance.now();
      draw(drawing(reading, { pace, columns: columnsOf(stream) }));
    },
    say(message) {
      draw.clear();
      stream.write(`${message}\n`);
      lastDrawnMs = Number.NEGATIVE_INFINITY;
    },
    [Symbol.dispose]() {
      draw.clear();
      keepFinished();
    },
  };
}

/** How fast the present activity goes, measured from its first reading. */
class Pace {
  readonly #now: () => number;
  #activity: string | undefined;
  #startMs = 0;
  #startDone = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  observe(reading: ProgressReading): void {
    if (reading.activity === this.#activity && reading.done >= this.#startDone) return;
    this.#activity = reading.activity;
    this.#startMs = this.#now();
    this.#startDone = reading.done;
  }

  elapsedSeconds(): number {
    return (this.#now() - this.#startMs) / 1000;
  }

  perSecond(reading: ProgressReading): number {
    const seconds = this.elapsedSeconds();
    return seconds === 0 ? 0 : (reading.done - this.#startDone) / seconds;
  }
}

/** A bar with what is being done; the note gets a line of its own where both would not fit on one. */
function drawing(
  reading: ProgressReading,
  { pace, columns }: { readonly pace: Pace; readonly columns: number },
): string {
  const { note, ...rest } = reading;
  const whole = describe(reading, pace);
  const isOneLine = note === undefined || whole.length + BAR_WIDTH + 1 < columns;
  const head = isOneLine ? whole : describe(rest, pace);
  const lines = [`${bar(reading, columns - head.length - 2)}${head}`];
  if (!isOneLine) lines.push(`  ${escapeControls(note)}`);
  return lines.map((line) => cut(line, columns)).join("\n");
}

function columnsOf(stream: NodeJS.WritableStream): number {
  return "columns" in stream && typeof stream.columns === "number"
    ? stream.columns
    : Number.POSITIVE_INFINITY;
}

// The last column stays free: some terminals wrap as soon as it is written.
function cut(line: string, columns: number): string {
  return line.length < columns ? line : `${line.slice(0, Math.max(1, columns - 2))}…`;
}

/** A bar and a space, as wide as there is room; none where that is too little to tell anything. */
function bar({ done, total }: ProgressReading, room: number): string {
  const width = Math.min(BAR_WIDTH, room);
  if (total === undefined || total === 0 || width < MIN_BAR_WIDTH) return "";
  const filled = Math.round(Math.min(1, done / total) * width);
  return `${"█".repeat(filled)}${"░".repeat(width - filled)} `;
}

function describe(reading: ProgressReading, pace: Pace): string {
  const { activity, done, total, unit, note } = reading;
  const perSecond = pace.perSecond(reading);
  const amount = (value: number): string =>
    unit === BYTES ? formatBytes(Math.round(value)) : formatAmount(value);
  const of = total === undefined ? "" : ` of ${amount(total)}`;
  const parts = [`${activity}: ${amount(done)}${of}${unit === BYTES ? "" : ` ${unit}`}`];
  if (perSecond > 0) parts.push(`${amount(perSecond)}/s`);
  if (perSecond > 0 && total !== undefined && done < total)
    parts.push(`${formatDuration((total - done) / perSecond)} left`);
  if (note !== undefined) parts.push(note);
  return escapeControls(parts.join(" · "));
}

function describeFinished(reading: ProgressReading, pace: Pace): string {
  const { done, unit } = reading;
  const amount = unit === BYTES ? formatBytes(done) : `${formatAmount(done)} ${unit}`;
  return escapeControls(
    `${reading.activity}: ${amount} in ${formatDuration(pace.elapsedSeconds())}`,
  );
}

function formatAmount(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 1 : 0 });
}
