import { MaskAudit } from "../../loader/measuring/mask-audit.ts";
import type { LoaderOptions } from "../../loader/options.ts";
import type { WordPieceTokenizer } from "../../loader/text/word-piece.ts";
import type { LiveReport, LiveSample, MaskRow } from "../../report/live-page/live-report.ts";
import { renderLivePage } from "../../report/live-page/render-live-page.ts";
import type { TrainingRecipe } from "../../train/recipe.ts";
import { progressNote } from "../../train/run/progress-note.ts";
import type { RunEvent, RunObserver, StepEvent } from "../../train/run/run-events.ts";
import type { MetricsLine } from "../../train/run/run-folder.ts";
import { liveSamples } from "./live-samples.ts";
import { runCurves } from "./run-curves.ts";

/** How old the page's numbers may be, and how often it is asked for again. */
export const REFRESH_SECONDS = 10;
/** Points of a curve; beyond, every other one is left out. */
const MAX_POINTS = 8192;

export interface LivePageOptions {
  readonly recipe: TrainingRecipe;
  /** The run's loader's: what masks are expected. */
  readonly loader: LoaderOptions;
  readonly tokenizer: Pick<WordPieceTokenizer, "token">;
  /** The run's steps before this call. */
  readonly earlier: readonly MetricsLine[];
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** Watches a run for a page: its numbers at any time, a batch now and then. */
export class LivePage {
  readonly #options: LivePageOptions;
  readonly #masks: MaskAudit;
  #lines: MetricsLine[];
  #notices: readonly string[] = [];
  #samples: readonly LiveSample[] = [];
  #sampledMs = Number.NEGATIVE_INFINITY;
  #totalSteps = 0;
  #last: StepEvent | undefined;
  #end: string | undefined;

  constructor(options: LivePageOptions) {
    this.#options = options;
    this.#masks = new MaskAudit(options.loader);
    this.#lines = thinned(options.earlier);
  }

  readonly observe: RunObserver = async (event) => {
    if (event.kind === "start") this.#begin(event);
    if (event.kind === "notice") this.#notices = event.lines;
    if (event.kind === "end") this.#end = event.outcome;
    if (event.kind === "step") await this.#take(event);
  };

  async html(): Promise<string> {
    return await renderLivePage(this.#report());
  }

  #begin({ step, totalSteps }: Extract<RunEvent, { readonly kind: "start" }>): void {
    this.#totalSteps = totalSteps;
    // The run goes on from its checkpoint: what was measured after it is measured again.
    this.#lines = this.#lines.filter((line) => line.step <= step);
  }

  async #take(event: StepEvent): Promise<void> {
    const { now, tokenizer } = this.#options;
    const { batch, epoch, reading, step } = event;
    this.#last = event;
    this.#masks.add(batch);
    this.#lines.push({ step, epoch, learningRateFactor: this.#factorOf(event), ...reading });
    if (this.#lines.length > MAX_POINTS) this.#lines = thinned(this.#lines);
    if (now() - this.#sampledMs < REFRESH_SECONDS * 1000) return;
    this.#sampledMs = now();
    this.#samples = await liveSamples(batch, tokenizer);
  }

  #factorOf({ rates }: StepEvent): number {
    return rates.transformer / this.#options.recipe.optimisation.transformerLearningRate;
  }

  #report(): LiveReport {
    const { recipe } = this.#options;
    const isOver = this.#end !== undefined;
    return {
      title: `${recipe.name}, seed ${recipe.seed}`,
      stand: standText(this.#last, { totalSteps: this.#totalSteps, end: this.#end }),
      refreshSeconds: isOver ? null : REFRESH_SECONDS,
      facts: this.#last === undefined ? [] : factsOf(this.#last),
      curves: runCurves(this.#lines, recipe),
      masks: maskRows(this.#masks),
      notices: this.#notices,
      samples: this.#samples,
    };
  }
}

function standText(
  last: StepEvent | undefined,
  { end, totalSteps }: { readonly totalSteps: number; readonly end: string | undefined },
): string {
  const step = (last?.step ?? 0).toLocaleString("en-US");
  const of = `step ${step} of ${totalSteps.toLocaleString("en-US")}`;
  return end === undefined ? of : `${of}, ${end}`;
}

function factsOf(last: StepEvent): { readonly name: string; readonly value: string }[] {
  return [
    { name: "epoch", value: String(last.epoch) },
    { name: "now", value: progressNote(last) },
  ];
}

function maskRows(audit: MaskAudit): MaskRow[] {
  const rows = audit.tasks.flatMap(({ regions, task, words }) => {
    const prefix = task === null ? "" : `${task}: `;
    return [
      { name: `${prefix}words`, ...words },
      { name: `${prefix}regions`, ...regions },
    ];
  });
  return rows
    .filter(({ expectedMasked, numMasked }) => expectedMasked + numMasked > 0)
    .map(({ deviations, expectedMasked, name, numMaskable, numMasked }) => ({
      name,
      numMaskable,
      numMasked,
      expectedMasked,
      deviations,
    }));
}

function thinned(lines: readonly MetricsLine[]): MetricsLine[] {
  let kept = [...lines];
  while (kept.length > MAX_POINTS) kept = kept.filter((_, index) => index % 2 === 1);
  return kept;
}

/** Whether a page that is kept in a file is to be written again. */
export function changesPage(event: RunEvent): boolean {
  return event.kind === "step" || event.kind === "end";
}
