import type { Progress } from "../../core/progress.ts";
import { WordPieceTokenizer } from "../../loader/text/word-piece.ts";
import { loaderOptions, type LoaderCall } from "../../train/run/loader-options.ts";
import { readMetrics, type RunFolder } from "../../train/run/run-folder.ts";
import type { RunObserver } from "../../train/run/run-events.ts";
import { systemOf } from "../../train/systems/system-of-recipe.ts";
import { LivePage } from "./live-page.ts";
import { pageFile, PageServer } from "./page-places.ts";
import { runLog } from "./run-log.ts";
import { TensorBoardFiles } from "./tensor-board.ts";
import type { WatchFlags } from "./watch-flags.ts";

export interface WatchCall extends Omit<LoaderCall, "batches" | "vocabulary"> {
  readonly run: RunFolder;
  readonly vocabulary: { readonly path: string; readonly size: number };
  readonly flags: WatchFlags;
  readonly progress: Progress;
}

/** All that watches a run: its log always, what flags ask for beside it. To be disposed of when the run has ended. */
export class RunWatch implements AsyncDisposable {
  readonly observers: readonly RunObserver[];
  readonly #opened: AsyncDisposableStack;

  private constructor(observers: readonly RunObserver[], opened: AsyncDisposableStack) {
    this.observers = observers;
    this.#opened = opened;
  }

  /** TensorFlow has to be loaded. */
  static async open(call: WatchCall): Promise<RunWatch> {
    const { flags, run } = call;
    await using opened = new AsyncDisposableStack();
    const observers = [runLog(run.log)];
    if (flags.tensorboard !== undefined) {
      observers.push(opened.use(new TensorBoardFiles(flags.tensorboard)).observe);
    }
    if (flags.page !== undefined)
      observers.push(...(await pageObservers(flags.page, call, opened)));
    return new RunWatch(observers, opened.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

function monotonicMs(): number {
  return performance.now();
}

async function pageObservers(
  place: string,
  call: WatchCall,
  opened: AsyncDisposableStack,
): Promise<RunObserver[]> {
  const { progress, recipe, run, vocabulary } = call;
  const { batches } = systemOf(recipe, vocabulary.size);
  const loader = loaderOptions({ ...call, batches });
  const { letterCase = "lower" } = loader;
  const page = new LivePage({
    recipe,
    loader,
    tokenizer: await WordPieceTokenizer.fromFile(vocabulary.path, { letterCase }),
    earlier: await readMetrics(run.path),
    now: monotonicMs,
  });
  if (!/^\d+$/.test(place))
    return [page.observe, pageFile(place, page, { now: monotonicMs, progress })];
  const server = opened.use(await PageServer.open(Number(place), page));
  progress.say(`the run's page: ${server.address}`);
  return [page.observe];
}
