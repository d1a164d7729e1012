import type { Command } from "commander";
import { addAuditCommand } from "./commands/audit.ts";
import { addValidateCommand } from "./commands/validate.ts";
import { createProgram } from "./program.ts";

// One line for each command, in the order of --help. Command files are light: they import the rooms inside their actions, so
// that --help stays fast.
const addCommands: readonly ((program: Command) => void)[] = [addValidateCommand, addAuditCommand];

/** The whole `crossweave` program, ready to be run. */
export function createCrossweave(): Command {
  const program = createProgram();
  for (const addCommand of addCommands) addCommand(program);
  return program;
}
