import type { Command } from "commander";
import { addAuditCommand } from "./audit-commands/audit.ts";
import { addCalibrateCommand } from "./audit-commands/calibrate.ts";
import { addHashesCommand } from "./audit-commands/hashes.ts";
import { addManifestCommand } from "./audit-commands/manifest.ts";
import { addProofCommand } from "./audit-commands/proof.ts";
import { addBenchLoaderCommand } from "./commands/bench-loader.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addEvalCommand } from "./commands/eval.ts";
import { addFetchCommand } from "./commands/fetch.ts";
import { addTrainCommand } from "./commands/train.ts";
import { addProfileCommand } from "./commands/profile.ts";
import { addObjectivesCommand } from "./commands/objectives.ts";
import { addPrepareCommand } from "./commands/prepare.ts";
import { addSetupCommand } from "./commands/setup.ts";
import { addValidateCommand } from "./commands/validate.ts";
import { addWeightsCommand } from "./commands/weights.ts";
import { addVerifyCommand } from "./audit-commands/verify.ts";
import { addWhyCommand } from "./audit-commands/why.ts";
import { createProgram } from "./program.ts";

// One line for each command, in the order of --help. Command files are light: they import the rooms
// inside their actions, so that --help stays fast.
const addCommands: readonly ((program: Command) => void)[] = [
  addSetupCommand,
  addDoctorCommand,
  addFetchCommand,
  addPrepareCommand,
  addValidateCommand,
  addAuditCommand,
  addWhyCommand,
  addCalibrateCommand,
  addHashesCommand,
  addManifestCommand,
  addProofCommand,
  addBenchLoaderCommand,
  addTrainCommand,
  addProfileCommand,
  addObjectivesCommand,
  addVerifyCommand,
  addEvalCommand,
  addWeightsCommand,
  addDemoCommand,
];

/** The whole `crossweave` program, ready to be run. */
export function createCrossweave(): Command {
  const program = createProgram();
  for (const addCommand of addCommands) addCommand(program);
  return program;
}
