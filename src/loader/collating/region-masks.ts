import { sampleDraws, type SampleKey } from "../draws.ts";
import type { LoaderOptions } from "../options.ts";

type RegionMasking = Pick<LoaderOptions, "regionMaskProbability" | "regionMaskSelection">;

/** Which of a picture's regions are masked: a pure function of the key, the options and how many there are. */
export function maskedRegionsOf(
  key: SampleKey,
  numRegions: number,
  { regionMaskProbability = 0, regionMaskSelection = "at-least-one" }: RegionMasking,
): boolean[] {
  const draws = sampleDraws("regions", key);
  const chosen = Array.from({ length: numRegions }, () => draws.nextBoolean(regionMaskProbability));
  const isForced = regionMaskSelection === "at-least-one" && regionMaskProbability > 0;
  if (!isForced || chosen.includes(true)) return chosen;
  const forced = draws.nextInt(numRegions);
  return chosen.map((_, region) => region === forced);
}
