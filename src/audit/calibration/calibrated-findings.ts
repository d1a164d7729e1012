import { ConfigError } from "../../core/errors.ts";
import type { NearFindings } from "../near/near-findings.ts";
import { type MethodSettings, measuredRecall, settingsDifferences } from "./calibration.ts";
import type { Calibration } from "./calibration-file.ts";

/**
 * Throws ConfigError unless a calibration was measured with an audit's own settings: another version of a method, or
 * another threshold, finds other copies.
 */
export function requireSameMethod(calibration: Calibration, audit: MethodSettings): void {
  const differences = settingsDifferences(calibration.settings, audit);
  if (differences.length === 0) return;
  const { wholeDistance, windows } = calibration.settings;
  throw new ConfigError(
    `the calibration ${calibration.digest.slice(0, 12)} was measured with other settings than this audit's: ${differences.join("; ")}`,
    {
      remedy: `calibrate again with crossweave calibrate, or audit as it was measured: --near-distance ${wholeDistance} --windows ${windows}`,
    },
  );
}

/** The findings with what was measured of the search. */
export function calibrated(findings: NearFindings, calibration: Calibration): NearFindings {
  const recall = measuredRecall(calibration, calibration.digest);
  return { ...findings, summary: { ...findings.summary, recall } };
}
