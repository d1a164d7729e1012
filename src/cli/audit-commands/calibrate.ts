import { dirname } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { JsonValue } from "../../core/digest.ts";
import { escapeControls } from "../../core/text.ts";
import { addNearThresholds, nearChoiceOf, type NearFlags } from "../auditing/near-flags.ts";
import { type CommandContext, type CommandOutcome, runCommand } from "../frame.ts";
import { addExamples, seedOf, wholeNumber } from "../program.ts";
import { shellWord } from "../terminal/shell-word.ts";

interface CalibrateFlags extends NearFlags {
  readonly pictures: number;
  readonly out?: string;
}

interface CalibrateCall {
  readonly sources: readonly string[];
  readonly flags: CalibrateFlags;
  readonly seed: number;
}

interface CalibrateResult {
  readonly summary: string;
  readonly calibration: JsonValue;
  readonly file: string | null;
  readonly unreadable: readonly string[];
  readonly repeated: readonly string[];
  readonly next: string | null;
}

const DEFAULT_PICTURES = 200;

/** Of no picture nothing can be measured. */
function numberFromOne(text: string): number {
  const number = wholeNumber(text);
  if (number > 0) return number;
  throw new InvalidArgumentError("a whole number from 1 is expected");
}

/** Adds `crossweave calibrate`. */
export function addCalibrateCommand(program: Command): void {
  const command = program
    .command("calibrate")
    .description(
      "Measure on your own pictures what an audit finds of copies: 27 edited copies of each are planted, prepared, hashed and verified as by prepare and audit; with exact bounds for what is missed and for false matches.",
    )
    .argument(
      "<source...>",
      "folders of pictures (.jpg, .png, .webp, .gif), or shard sets, also https://… or s3://…",
    )
    .option("--pictures <number>", "how many pictures to draw", numberFromOne, DEFAULT_PICTURES)
    .option("--out <file>", "write the calibration, for crossweave audit --calibration")
    .action((sources: readonly string[], flags: CalibrateFlags) =>
      runCommand(
        {
          command,
          activity: `planting copies of pictures of ${sources.join(", ")}`,
          writesTo: flags.out === undefined ? undefined : dirname(flags.out),
        },
        (context) => calibrate({ sources, flags, seed: seedOf(command) ?? 0 }, context),
      ),
    );
  addNearThresholds(command);
  addExamples(command, [
    "crossweave calibrate photographs --out calibration.json",
    "crossweave calibrate shards/coco --pictures 1000 --seed 7 --out calibration.json",
  ]);
}

async function calibrate(
  { flags, seed, sources }: CalibrateCall,
  context: CommandContext,
): Promise<CommandOutcome<CalibrateResult>> {
  const { calibratePictures } = await import("../calibration/calibrate-pictures.ts");
  const { calibrationReport, calibrationSummary } =
    await import("../calibration/calibration-text.ts");
  const { refuseOtherThanCalibration, writeCalibration } =
    await import("../calibration/calibration-files.ts");
  const { calibrationJson } = await import("../../audit/calibration/calibration-file.ts");
  const { out, pictures: numPictures } = flags;
  if (out !== undefined) await refuseOtherThanCalibration(out);
  const choice = nearChoiceOf(flags) ?? {};
  const { counts, drawn } = await calibratePictures(
    { sources, numPictures, seed, choice },
    context,
  );
  if (out !== undefined) await writeCalibration(out, counts);
  const { wholeDistance } = counts.settings;
  const distance = wholeDistance === DEFAULT_DISTANCE ? "" : ` --near-distance ${wholeDistance}`;
  const windows = flags.windows === undefined ? "" : ` --windows ${flags.windows}`;
  const next =
    out === undefined
      ? null
      : `next: crossweave audit <set…>${distance}${windows} --calibration ${shellWord(escapeControls(out))}`;
  const { repeated, unreadable } = drawn;
  return {
    result: {
      summary: calibrationSummary(counts),
      calibration: calibrationJson(counts),
      file: out ?? null,
      unreadable,
      repeated,
      next,
    },
    text: [calibrationReport(counts, drawn), ...(next === null ? [] : [next])].join("\n"),
  };
}

/** What an audit takes where nothing is said. */
const DEFAULT_DISTANCE = 48;
