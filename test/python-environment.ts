import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { sha256 } from "../src/core/digest.ts";
import { ProcessLock } from "../src/core/locks.ts";
import { cacheFolder } from "../src/core/cache-folder.ts";

const run = promisify(execFile);
const MAX_OUTPUT_BYTES = 256 * 2 ** 20;

/** A Python with the packages of a list, for the scripts beside it. */
export interface PythonEnvironment {
  /** Runs a script and gives what it printed. */
  run(script: string, args: readonly string[]): Promise<string>;
  /** Starts a script that serves until its standard input ends. */
  start(script: string, args: readonly string[]): ChildProcessWithoutNullStreams;
}

const testFolder = join(import.meta.dirname, "python");

/**
 * A throw-away Python environment, for the scripts of test/python or of another folder. It is made once for each
 * list of requirements, in the cache folder, and used again; a half-made one is never used. Needs python3 with
 * venv or pip.
 */
export async function pythonEnvironment(
  list: "requirements.txt" | "requirements-parity.txt" | "requirements-s3.txt" = "requirements.txt",
  pythonFolder: string = testFolder,
): Promise<PythonEnvironment> {
  const requirements = join(pythonFolder, list);
  const version = await pythonVersion();
  const digest = sha256(version + (await readFile(requirements, "utf8"))).slice(0, 16);
  const folder = join(cacheFolder(), `test-python-${digest}`);
  if (!existsSync(folder)) await make(folder, requirements);
  return {
    run: async (script, args) => {
      const { command, env } = interpreterOf(folder);
      const options = { env, maxBuffer: MAX_OUTPUT_BYTES };
      const { stdout } = await run(command, [join(pythonFolder, script), ...args], options);
      return stdout;
    },
    start: (script, args) => {
      const { command, env } = interpreterOf(folder);
      return spawn(command, [join(pythonFolder, script), ...args], { env });
    },
  };
}

async function make(folder: string, requirements: string): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  using held = new DisposableStack();
  held.use(await ProcessLock.acquire(`${folder}.lock`));
  if (existsSync(folder)) return;
  const unfinished = `${folder}.part`;
  await rm(unfinished, { recursive: true, force: true });
  await makeEmpty(unfinished);
  const { command, env } = interpreterOf(unfinished);
  const target = existsSync(join(unfinished, "bin")) ? [] : ["--target", unfinished];
  const install = ["-m", "pip", "install", "--quiet", ...target, "--requirement", requirements];
  await run(command, install, { env, maxBuffer: MAX_OUTPUT_BYTES });
  await rename(unfinished, folder);
}

/** A virtual environment where Python can make one, else a plain folder for `pip --target`. */
async function makeEmpty(folder: string): Promise<void> {
  try {
    await run("python3", ["-m", "venv", folder]);
  } catch {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
  }
}

// Only the interpreter of a virtual environment is used: unlike its scripts, it may be moved.
function interpreterOf(folder: string): { command: string; env: NodeJS.ProcessEnv } {
  const env = { ...process.env, PYTHONNOUSERSITE: "1", HF_HUB_OFFLINE: "1", HF_HOME: folder };
  const own = join(folder, "bin", "python3");
  if (existsSync(join(folder, "pyvenv.cfg"))) return { command: own, env };
  return { command: "python3", env: { ...env, PYTHONPATH: folder } };
}

async function pythonVersion(): Promise<string> {
  try {
    return (await run("python3", ["--version"])).stdout;
  } catch (error) {
    throw new Error("this needs python3 with venv or pip on the path", { cause: error });
  }
}
