import { access, constants, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../../core/files.ts";

/** Makes a folder that will be written to once an evaluation is done; throws at once where it cannot be. */
export async function requireWritable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await access(folder, constants.W_OK);
}

/** Writes an evaluation's numbers, results.json. */
export async function writeResults(folder: string, results: unknown): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFileAtomically(join(folder, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
}
