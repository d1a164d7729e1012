// Runs the project's commands in a checkout, from nothing but Node 20 and npm: brings the packages and,
// where needed, a newer Node; then the TensorFlow runtime for what trains.
//
//   node bin/bootstrap.mjs                    only brings the packages
//   node bin/bootstrap.mjs crossweave <…>     the command line
//   node bin/bootstrap.mjs test <…>           all tests; ends with "N passed, N failed"
//   node bin/bootstrap.mjs test:slow <…>      the tests that take minutes
//   node bin/bootstrap.mjs check              format, lint, types, unused code, architecture
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runChild, toStderr } from "./bootstrap/child.mjs";
import { BootstrapFailure } from "./bootstrap/failure.mjs";
import { bringPackages, projectEnvironment, projectNode } from "./bootstrap/packages.mjs";
import { runTests } from "./bootstrap/tests.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const crossweaveFile = join(root, "bin", "crossweave.mjs");
const commandsWithTensors = new Set(["demo", "train", "eval", "probe"]);
const checks = [
  ["oxfmt", "--check"],
  ["oxlint", "--type-aware"],
  ["tsc", "--noEmit"],
  ["tsc", "--noEmit", "-p", "tsconfig.browser.json"],
  ["knip"],
  ["vitest", "run", "test/architecture.test.ts"],
];

const actions = {
  crossweave,
  test: (args) => test(args),
  "test:slow": (args) => test(["--config", "vitest.slow.config.ts", ...args]),
  check,
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof BootstrapFailure)) throw error;
  console.error(`error: ${error.message}`);
  if (error.remedy !== undefined) console.error(`  remedy  ${error.remedy}`);
  process.exitCode = error.exitCode;
}

async function main([name, ...args]) {
  if (name !== undefined && !(name in actions)) {
    const remedy = `one of: ${Object.keys(actions).join(", ")}`;
    throw new BootstrapFailure(`there is no "${name}"`, { exitCode: 2, remedy });
  }
  await bringPackages(root);
  return name === undefined ? 0 : actions[name](args);
}

async function crossweave(args) {
  const wantsTensors = commandsWithTensors.has(args[0]) && !args.includes("--help");
  const code = wantsTensors ? await setUpTensors() : 0;
  return code === 0 ? runNode([crossweaveFile, ...args]) : code;
}

/** Brings the TensorFlow runtime; stdout stays free for the result of the command itself. */
function setUpTensors() {
  return runNode([crossweaveFile, "setup"], { stdio: toStderr });
}

async function test(args) {
  const setUpCode = await setUpTensors();
  if (setUpCode !== 0) {
    console.log("0 passed, 1 failed"); // the set-up is what failed
    return setUpCode;
  }
  const options = { cwd: root, env: projectEnvironment(root) };
  const { numPassed, numFailed, exitCode } = await runTests(projectNode(root), args, options);
  console.log(`${numPassed} passed, ${numFailed} failed`);
  return exitCode === 0 && numFailed > 0 ? 1 : exitCode;
}

async function check() {
  const failed = [];
  for (const [tool, ...args] of checks) {
    console.log(`> ${[tool, ...args].join(" ")}`);
    const code = await runChild(tool, args, { cwd: root, env: projectEnvironment(root) });
    if (code === 130) return code;
    if (code !== 0) failed.push(tool);
  }
  console.log(failed.length === 0 ? "all checks hold" : `failed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

function runNode(args, options = {}) {
  return runChild(projectNode(root), args, { env: projectEnvironment(root), ...options });
}
