import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { CalibrationCounts } from "../../audit/calibration/calibration.ts";
import {
  type Calibration,
  CALIBRATION_FORMAT,
  calibrationText,
  parseCalibration,
} from "../../audit/calibration/calibration-file.ts";
import {
  explainedWriteError,
  readGivenFile,
  refuseOtherFile,
  writeFileAtomically,
} from "../../core/files.ts";

/** Throws RefusedError when `file` is there and holds no calibration. */
export function refuseOtherThanCalibration(file: string): Promise<void> {
  return refuseOtherFile(file, {
    isEarlier: (bytes) => bytes.includes(`"format":"${CALIBRATION_FORMAT}"`),
    whatItIsNot: "holds no calibration",
  });
}

/** Writes a calibration over an earlier one. */
export async function writeCalibration(file: string, counts: CalibrationCounts): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomically(file, calibrationText(counts));
  } catch (error) {
    throw explainedWriteError(error, dirname(file));
  }
}

/** Reads a calibration. SourceError when `file` cannot be read or holds none. */
export async function readCalibration(file: string): Promise<Calibration> {
  const bytes = await readGivenFile(file, "name the file that crossweave calibrate wrote");
  return parseCalibration(bytes.toString("utf8"), file);
}
