import { SummaryWriter } from "../../tensor/summary-writer.ts";
import type { RunObserver, StepEvent } from "../../train/run/run-events.ts";

/** Writes the numbers of a run's steps for TensorBoard. TensorFlow has to be loaded. */
export class TensorBoardFiles implements Disposable {
  readonly #writer: SummaryWriter;

  constructor(folder: string) {
    this.#writer = new SummaryWriter(folder);
  }

  readonly observe: RunObserver = (event) => {
    if (event.kind !== "step") return;
    for (const [name, value] of scalarsOf(event)) this.#writer.scalar(name, value, event.step);
  };

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
  }
}

/** The numbers of a step by the names that TensorBoard groups them by. */
export function scalarsOf({ pace, rates, reading }: StepEvent): [string, number][] {
  return [
    ["loss/total", reading.loss],
    ...Object.entries(reading.parts).map(([part, value]): [string, number] => [
      `parts/${part}`,
      value,
    ]),
    ["optimisation/gradient norm", reading.gradientNorm],
    ["optimisation/rate, transformer", rates.transformer],
    ["optimisation/rate, picture encoder", rates.visual],
    ["pace/pictures a second", pace.picturesPerSecond],
    ["pace/share of waiting", pace.waitShare],
    ["pace/resident bytes", pace.residentBytes],
  ];
}
