import { RuntimeMissingError, errnoOf } from "../../core/errors.ts";
import { runChild, type ChildCommand } from "./child-process.ts";

/** A tool that was found, and what it says of itself. */
export interface FoundTool {
  /** With the arguments that make it what it is: ["g++"], ["python3", "-m", "ziglang", "c++"]. */
  readonly command: ChildCommand;
  readonly version: string;
}

/** The first of python3 and python that has pip, or undefined. */
export async function findPip(signal?: AbortSignal): Promise<FoundTool | undefined> {
  return firstWorking(pythonCandidates(), ["-m", "pip", "--version"], signal);
}

/** The first C++ compiler that answers: $CXX, g++, clang++, c++, or the PyPI package ziglang's. */
export async function findCompiler(signal?: AbortSignal): Promise<FoundTool | undefined> {
  const chosen = words(process.env["CXX"]);
  if (chosen !== undefined) return firstWorking([chosen], ["--version"], signal);
  const zig = pythonCandidates().map(([program]): ChildCommand => [
    program,
    "-m",
    "ziglang",
    "c++",
  ]);
  return firstWorking([["g++"], ["clang++"], ["c++"], ...zig], ["--version"], signal);
}

export async function requirePip(signal?: AbortSignal): Promise<FoundTool> {
  const found = await findPip(signal);
  if (found !== undefined) return found;
  throw new RuntimeMissingError("python3 with pip was not found; it fetches TensorFlow", {
    remedy: `${PIP_REMEDY}, then run crossweave setup`,
  });
}

export async function requireCompiler(signal?: AbortSignal): Promise<FoundTool> {
  const found = await findCompiler(signal);
  if (found !== undefined) return found;
  const chosen = process.env["CXX"];
  throw new RuntimeMissingError(
    chosen === undefined || chosen === ""
      ? "no C++ compiler was found (g++, clang++, c++, python3 -m ziglang)"
      : `the compiler that CXX names does not run: ${chosen}`,
    { remedy: `${COMPILER_REMEDY}, then run crossweave setup` },
  );
}

/** How to get what was not found. */
export const PIP_REMEDY =
  "install Python 3 with pip (Debian, Ubuntu: apt-get install python3-pip; Fedora: dnf install python3-pip)";
export const COMPILER_REMEDY =
  "install one (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++; without root: python3 -m pip install ziglang)";

function pythonCandidates(): readonly ChildCommand[] {
  const chosen = words(process.env["PYTHON"]);
  return chosen === undefined ? [["python3"], ["python"]] : [chosen];
}

function words(text: string | undefined): ChildCommand | undefined {
  const [program, ...args] = (text ?? "").trim().split(/\s+/);
  return program === undefined || program === "" ? undefined : [program, ...args];
}

async function firstWorking(
  candidates: readonly ChildCommand[],
  question: readonly string[],
  signal: AbortSignal | undefined,
): Promise<FoundTool | undefined> {
  for (const command of candidates) {
    const version = await ask([...command, ...question], signal);
    if (version !== undefined) return { command, version };
  }
  return undefined;
}

async function ask(
  command: ChildCommand,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    const { exitCode, stdout } = await runChild(command, { signal });
    return exitCode === 0 ? (stdout.trim().split("\n")[0] ?? "") : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EACCES") return undefined;
    throw error;
  }
}
