import { createCrossweave } from "./crossweave.ts";
import { runProgram } from "./program.ts";

await runProgram(createCrossweave(), process.argv.slice(2));
