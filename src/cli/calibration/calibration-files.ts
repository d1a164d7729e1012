import type { CalibrationCounts } from "../../audit/calibration/calibration.ts";
import {
  type Calibration,
  CALIBRATION_FORMAT,
  calibrationText,
  parseCalibration,
} from "../../audit/calibration/calibration-file.ts";
import { readGivenFile, refuseOtherFile, writeResultFile } from "../../core/files.ts";

/** A calibration has some kilobytes, whatever the number of its pictures. */
const MAX_BYTES = 2 ** 24;

/** Throws RefusedError when `file` is there and holds no calibration. */
export function refuseOtherThanCalibration(file: string): Promise<void> {
  return refuseOtherFile(file, {
    isEarlier: (bytes) => bytes.includes(`"format":"${CALIBRATION_FORMAT}"`),
    whatItIsNot: "holds no calibration",
  });
}

/** Writes a calibration over an earlier one. */
export async function writeCalibration(file: string, counts: CalibrationCounts): Promise<void> {
  await writeResultFile(file, calibrationText(counts));
}

/** Reads a calibration. SourceError when `file` cannot be read or holds none. */
export async function readCalibration(file: string): Promise<Calibration> {
  const remedy = "name the file that crossweave calibrate wrote";
  const bytes = await readGivenFile(file, remedy, MAX_BYTES);
  return parseCalibration(bytes.toString("utf8"), file);
}
