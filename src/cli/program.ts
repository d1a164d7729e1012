import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { exitCodes, faultOf, usageFault } from "./terminal/faults.ts";
import { printFault } from "./terminal/output.ts";

/** The `crossweave` command with the options that all commands share, and no commands yet. */
export function createProgram(): Command {
  return new Command("crossweave")
    .description(
      "Leak-free vision-language shards, a deterministic loader, and pre-training on TensorFlow.",
    )
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .option("--json", "print one JSON document on stdout, also for errors")
    .option("--no-color", "print without colours (as NO_COLOR does)")
    .option("--seed <number>", "seed of what a command draws at random, if it does", wholeNumber)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} }) // runProgram prints faults
    .exitOverride()
    .hook("preAction", (program) => applyColor(program.opts()["color"] !== false))
    .addHelpText("after", `\nExit codes:\n${exitCodeTable()}`);
}

/** Adds examples to the end of a command's `--help`; each is a whole command line. */
export function addExamples(command: Command, examples: readonly string[]): void {
  const lines = examples.map((example) => `  $ ${example}`);
  command.addHelpText(
    "after",
    `\n${examples.length === 1 ? "Example" : "Examples"}:\n${lines.join("\n")}`,
  );
}

/** The seed that a command was given with `--seed`. */
export function seedOf(command: Command): number | undefined {
  const seed: unknown = command.optsWithGlobals()["seed"];
  return typeof seed === "number" ? seed : undefined;
}

/** Parses an option that is a whole number. */
export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("a whole number is expected");
}

/** Reads a whole number of at least 1. */
export function positiveNumber(text: string): number {
  const value = wholeNumber(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("a whole number of at least 1 is expected");
}

/** Gathers the values of an option that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/**
 * Runs the program on the arguments after its name. Never rejects: a wrong command line ends with
 * exit code 2 and the nearest valid name.
 */
export async function runProgram(program: Command, argv: readonly string[]): Promise<void> {
  // A reader of --help that left (`| head`) is no fault; printOut tells every other one.
  process.stdout.on("error", () => {});
  try {
    refuseEmpty(argv);
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    process.exitCode = await endOf(error, { program, argv });
  }
}

const EMPTY = /^(?:--[\w-]+=)?$/;

/** Throws where an argument is empty: as a path it would be the folder that one stands in, or a file without a name. */
function refuseEmpty(argv: readonly string[]): void {
  if (!argv.some((word) => EMPTY.test(word))) return;
  const found = "an argument is empty, as that of a variable without a value";
  throw new CommanderError(EXIT_USAGE, "crossweave.emptyArgument", found);
}

const EXIT_USAGE = 2;

interface Call {
  readonly program: Command;
  readonly argv: readonly string[];
}

async function endOf(error: unknown, call: Call): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  applyColor(!call.argv.includes("--no-color"));
  const fault =
    error instanceof CommanderError
      ? usageFault(usageMessage(error), `see ${helpCommand(call)}`)
      : await faultOf(error);
  await printFault(fault, call.argv.includes("--json"));
  return fault.exitCode;
}

function usageMessage(error: CommanderError): string {
  if (error.code === "commander.help") return "no command given";
  return error.message.replace(/^error: /, "");
}

function helpCommand({ program, argv }: Call): string {
  const named = program.commands.find((command) => argv.includes(command.name()));
  return named === undefined
    ? `${program.name()} --help`
    : `${program.name()} ${named.name()} --help`;
}

function applyColor(color: boolean): void {
  if (color) return;
  process.env["NO_COLOR"] = "1";
  delete process.env["FORCE_COLOR"];
}

/** The version in package.json. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  );
  if (typeof manifest !== "object" || manifest === null || !("version" in manifest)) return "";
  return String(manifest.version);
}

function exitCodeTable(): string {
  return Object.entries(exitCodes)
    .map(([code, meaning]) => `  ${code.padStart(3)}  ${meaning}`)
    .join("\n");
}
