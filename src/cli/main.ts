import type { Command } from "commander";
import { addAuditCommand } from "./commands/audit.ts";
import { createProgram, runProgram } from "./program.ts";

// Command files are light: they import the rooms inside their actions, so that --help stays fast.
const addCommands: readonly ((program: Command) => void)[] = [addAuditCommand];

const program = createProgram();
for (const addCommand of addCommands) addCommand(program);
await runProgram(program, process.argv.slice(2));
