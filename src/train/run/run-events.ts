import type { Batch } from "../../loader/options.ts";
import type { StepReading } from "../step/step-program.ts";

/** How fast a run is, since its first batch. */
interface RunPace {
  /** Of all ranks. */
  readonly picturesPerSecond: number;
  /** Share of the time in which the run waited for batches. */
  readonly waitShare: number;
  /** What the process has in memory. */
  readonly residentBytes: number;
}

/** A step that was done. */
export interface StepEvent {
  readonly kind: "step";
  readonly step: number;
  readonly epoch: number;
  /** Learning rates of this step; the picture encoder's is 0 while it is frozen. */
  readonly rates: { readonly visual: number; readonly transformer: number };
  readonly reading: StepReading;
  readonly pace: RunPace;
  /** This rank's; not to be kept, as the loader takes its memory back. */
  readonly batch: Batch;
}

/** What happens in a run. */
export type RunEvent =
  | {
      readonly kind: "start";
      /** After which it goes on; 0 at the beginning. */
      readonly step: number;
      readonly totalSteps: number;
      readonly numWeights: number;
    }
  | StepEvent
  /** A step whose numbers were not finite, left out. */
  | {
      readonly kind: "skip";
      readonly step: number;
      readonly fault: string;
      readonly pictures: readonly string[];
    }
  /** What the system says of its buffers where a checkpoint is saved. */
  | { readonly kind: "notice"; readonly step: number; readonly lines: readonly string[] }
  /** It lies whole in its folder. */
  | {
      readonly kind: "checkpoint";
      readonly step: number;
      readonly sizeBytes: number;
      readonly writeMs: number;
    }
  | { readonly kind: "end"; readonly step: number; readonly outcome: RunOutcome };

export type RunOutcome = "complete" | "stopped early" | "interrupted" | "failed";

/** Is told of a run's events, one after the other; the run waits for it. */
export type RunObserver = (event: RunEvent) => Promise<void> | void;
