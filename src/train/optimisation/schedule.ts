/** How the learning rate goes over a run; each form is a closed expression of the step. */
export interface Schedule {
  readonly warmupSteps: number;
  /** The factor at step 0 of the warm-up. */
  readonly warmupFloor: number;
  /** The factor never falls below this. */
  readonly leastFactor: number;
  readonly totalSteps: number;
  /** "steps": times `decayFactor` at each milestone (Visual Parsing: 0.1 at epochs 25 and 35); "linear", "cosine": to 0 at the end. */
  readonly decay: "steps" | "linear" | "cosine";
  readonly milestones: readonly number[];
  readonly decayFactor: number;
}

/** The factor of the learning rate in update `step`, counted from 1. */
export function learningRateFactor(schedule: Schedule, step: number): number {
  return Math.max(schedule.leastFactor, plainFactor(schedule, step));
}

function plainFactor(schedule: Schedule, step: number): number {
  const { warmupFloor, warmupSteps } = schedule;
  if (step < warmupSteps) return warmupFloor + (1 - warmupFloor) * (step / warmupSteps);
  const span = Math.max(1, schedule.totalSteps - schedule.warmupSteps);
  const progress = Math.min(1, (step - schedule.warmupSteps) / span);
  switch (schedule.decay) {
    case "steps":
      return (
        schedule.decayFactor ** schedule.milestones.filter((milestone) => step > milestone).length
      );
    case "linear":
      return 1 - progress;
    case "cosine":
      return 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
