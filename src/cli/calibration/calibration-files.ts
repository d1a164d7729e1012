import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { CalibrationCounts } from "../../audit/calibration/calibration.ts";
import {
  type Calibration,
  CALIBRATION_FORMAT,
  calibrationText,
  parseCalibration,
} from "../../audit/calibration/calibration-file.ts";
import { errnoOf, RefusedError, SourceError } from "../../core/errors.ts";
import { explainedWriteError, writeFileAtomically } from "../../core/files.ts";

/** Throws RefusedError when `file` is there and holds no calibration. */
export async function refuseOtherFile(file: string): Promise<void> {
  const found = await readFile(file, "utf8").catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined || found.includes(`"format":"${CALIBRATION_FORMAT}"`)) return;
  throw new RefusedError(`${file} exists and holds no calibration; it is left as it is`, {
    file,
    remedy: "name another file with --out",
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
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new SourceError(`${file}: cannot be read (${errnoOf(error)})`, {
      file,
      remedy: "name the file that crossweave calibrate wrote",
      cause: error,
    });
  });
  return parseCalibration(text, file);
}
