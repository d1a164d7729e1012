import type { StepReading } from "./step/step-program.ts";

const ACCURACY = /Accuracy$/;

/** A step's parts for people, in the system's order: "mlm 1.234", "itm 0.693 (50 % right)". */
export function readingTexts({ parts }: StepReading): string[] {
  return Object.entries(parts)
    .filter(([name]) => !ACCURACY.test(name))
    .map(([name, value]) => {
      const accuracy = parts[`${name}Accuracy`];
      const right = accuracy === undefined ? "" : ` (${(100 * accuracy).toFixed(0)} % right)`;
      return `${name} ${value.toFixed(3)}${right}`;
    });
}
