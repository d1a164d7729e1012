import { StateError } from "../../core/errors.ts";
import type { LoaderState } from "./loader-state.ts";

/** StateError that says what differs, unless the state is of a stream of this seed and these sets. */
export function checkLoaderState(
  state: LoaderState,
  now: Pick<LoaderState, "seed" | "setDigests">,
): void {
  const faults = [
    ...(state.seed === now.seed ? [] : [`seed: ${state.seed} there, ${now.seed} now`]),
    ...(state.setDigests.length === now.setDigests.length
      ? []
      : [`${state.setDigests.length} shard sets there, ${now.setDigests.length} now`]),
    ...now.setDigests.flatMap((digest, index) => {
      const there = state.setDigests[index];
      if (there === undefined || there === digest) return [];
      return [`set ${index + 1}: ${there.slice(0, 12)} there, ${digest.slice(0, 12)} now`];
    }),
  ];
  if (faults.length === 0) return;
  throw new StateError(`the loader's state is of another stream: ${faults.join("; ")}`, {
    remedy:
      "go on with the sets and the seed that the state was saved with, or start from the beginning",
  });
}
