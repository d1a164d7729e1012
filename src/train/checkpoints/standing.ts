import { ConfigError } from "../../core/errors.ts";
import type { RecipeCheckpoints } from "../recipes/recipe-base.ts";
import type { MetricsLine } from "../run/run-folder.ts";

/** How good the last steps before a checkpoint were. */
interface Standard {
  readonly step: number;
  readonly mean: number;
}

/**
 * Which checkpoint of a run is its best, by the mean of a reading over the steps since the one before: a pure function of
 * the run's metrics, so that a run that goes on finds what an undisturbed one finds.
 */
export class Standing {
  readonly #policy: RecipeCheckpoints;
  #best: Standard | undefined;
  /** Checkpoints since the best. */
  #numWorse = 0;
  #sum = 0;
  #count = 0;

  constructor(policy: RecipeCheckpoints) {
    this.#policy = policy;
  }

  /** The step of the best checkpoint; undefined before the first one, and where the recipe asks for none. */
  get bestStep(): number | undefined {
    return this.#best?.step;
  }

  /** Whether the run has not become better for as long as the recipe has patience. */
  get isOver(): boolean {
    const { patience } = this.#policy;
    return patience !== null && this.#numWorse >= patience;
  }

  /** Takes the next step's numbers. ConfigError at a checkpoint before which no step has told the reading. */
  add(line: Pick<MetricsLine, "isSkipped" | "loss" | "parts" | "step">): void {
    const { best, everySteps } = this.#policy;
    if (best === null) return;
    const value = best.reading === "loss" ? line.loss : line.parts[best.reading];
    if (line.isSkipped !== true && value !== undefined) {
      this.#sum += value;
      this.#count += 1;
    }
    if (line.step % everySteps !== 0) return;
    if (this.#count === 0 && line.isSkipped !== true) throw untold(best.reading, line);
    this.#stand({ step: line.step, mean: this.#sum / this.#count });
    [this.#sum, this.#count] = [0, 0];
  }

  #stand(now: Standard): void {
    const wantsLowest = this.#policy.best?.wants === "lowest";
    const before = this.#best?.mean ?? (wantsLowest ? Infinity : -Infinity);
    if (wantsLowest ? now.mean < before : now.mean > before) {
      this.#best = now;
      this.#numWorse = 0;
    } else {
      this.#numWorse += 1;
    }
  }
}

function untold(
  reading: string,
  { parts, step }: Pick<MetricsLine, "parts" | "step">,
): ConfigError {
  const told = ["loss", ...Object.keys(parts)].join(", ");
  return new ConfigError(
    `checkpoints.best.reading: no step before ${step} has told "${reading}"; the last one told ${told}`,
    { remedy: "name one of these, and the same command with --fresh begins again" },
  );
}
