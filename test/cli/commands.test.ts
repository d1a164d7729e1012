import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createCrossweave } from "../../src/cli/crossweave.ts";
import { RunningProgram } from "./running-program.ts";

const main = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");

/** The commands that do something, with their names from the left. */
function leavesOf(command: Command, names: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[names.join(" "), command]];
  return command.commands.flatMap((child) => leavesOf(child, [...names, child.name()]));
}

const leaves = leavesOf(createCrossweave());

function examplesOf(command: Command): string[] {
  let help = "";
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return [...help.matchAll(/^ {2}\$ (.*)$/gm)].map(([, example]) => example ?? "");
}

describe("crossweave", () => {
  it("has the commands of this release", () => {
    const names = createCrossweave().commands.map((command) => command.name());
    expect(names).toEqual([
      "setup",
      "doctor",
      "fetch",
      "prepare",
      "validate",
      "audit",
      "why",
      "calibrate",
      "hashes",
      "manifest",
      "proof",
      "bench-loader",
      "train",
      "profile",
      "objectives",
      "verify",
      "eval",
      "weights",
      "demo",
    ]);
  });

  it.each(["--help", "--version"])("answers %s quickly", async (option) => {
    const startMs = performance.now();
    const { exitCode, stderr } = await new RunningProgram(main, [option]).ended;
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(performance.now() - startMs).toBeLessThan(10_000); // 0.2 s on an idle machine
  });

  it("lists every exit code in its help", async () => {
    const { stdout } = await new RunningProgram(main, ["--help"]).ended;
    for (const code of [0, 1, 2, 20, 21, 22, 23, 24, 25, 26, 130])
      expect(stdout).toMatch(new RegExp(`^ +${code}  \\w`, "m"));
  });
});

describe.each(leaves)("crossweave %s", (name, command) => {
  it("explains itself with an example that it would accept", async () => {
    const examples = examplesOf(command);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const program = createCrossweave();
      let ran = "";
      for (const [leafName, leaf] of leavesOf(program)) leaf.action(() => void (ran = leafName));
      const [first, ...words] = example.split(/\s+/);
      await program.parseAsync(words, { from: "user" });
      expect([first, ran]).toEqual(["crossweave", name]);
    }
  });

  it("names the options that all commands share", () => {
    expect(
      command
        .createHelp()
        .visibleGlobalOptions(command)
        .map(({ long }) => long),
    ).toContain("--json");
  });
});
