import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runChild } from "./child.mjs";

/** Runs vitest with `args` and gives how many tests passed and failed, and its exit code. */
export async function runTests(node, args, options) {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-tests-"));
  const report = join(folder, "report.json");
  try {
    const vitest = join(options.cwd, "node_modules", "vitest", "vitest.mjs");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const exitCode = await runChild(node, [vitest, "run", ...args, ...reporters], options);
    return { ...(await countTests(report, exitCode)), exitCode };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function countTests(report, exitCode) {
  const { numPassedTests = 0, numFailedTests = 0, testResults = [] } = await readReport(report);
  // A file that cannot even be loaded has no tests but has failed.
  const numFailedFiles = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  ).length;
  const numFailed = numFailedTests + numFailedFiles;
  // Whatever else vitest holds against the run, such as an unhandled rejection, is a failure too.
  return {
    numPassed: numPassedTests,
    numFailed: exitCode === 0 ? numFailed : Math.max(1, numFailed),
  };
}

async function readReport(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return {}; // vitest did not come to its end; its exit code tells
  }
}
