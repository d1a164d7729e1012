import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type EndedProgram, RunningProgram } from "./running-program.ts";

const fixture = join(import.meta.dirname, "fixtures", "program.ts");

function run(args: readonly string[], environment?: NodeJS.ProcessEnv): Promise<EndedProgram> {
  return new RunningProgram(fixture, args, environment).ended;
}

function misbehave(behaviour: string, ...options: readonly string[]): Promise<EndedProgram> {
  return run(["misbehave", behaviour, ...options]);
}

describe("a command that ends", () => {
  it("prints its text on stdout and what it does on stderr", async () => {
    const { exitCode, stdout, stderr } = await misbehave("done");
    expect([exitCode, stderr]).toEqual([0, "crossweave misbehave: done\n"]);
    expect(stdout).toContain('text of done: {"numShards":3}');
  });

  it("prints one JSON document on stdout with --json before or after its name", async () => {
    const [after, before] = await Promise.all([
      misbehave("done", "--json"),
      run(["--json", "misbehave", "done"]),
    ]);
    expect(JSON.parse(after.stdout)).toEqual({ numShards: 3 });
    expect(before.stdout).toBe(after.stdout);
  });

  it("ends although something still holds the event loop", async () => {
    expect((await misbehave("lingering")).exitCode).toBe(0);
  });

  it("does not mind a reader of stdout that left", async () => {
    const program = new RunningProgram(fixture, ["misbehave", "done", "--json"]);
    program.child.stdout.destroy();
    const { exitCode, stderr } = await program.ended;
    expect([exitCode, stderr]).toEqual([0, "crossweave misbehave: done\n"]);
  });
});

describe("a command that fails", () => {
  it("tells what, where and the remedy, with the exit code of the error", async () => {
    const { exitCode, stdout, stderr } = await misbehave("source");
    expect([exitCode, stdout]).toEqual([23, ""]);
    expect(stderr).toContain("error: captions.json ends in the middle\nof record 17\n");
    expect(stderr).toContain(String.raw`  file    coco/\x1b[31mcaptions\x0a.json`);
    expect(stderr).toContain("  record  /annotations/17\n  remedy  download it again\n");
  });

  it("prints the error object and nothing else on stdout with --json", async () => {
    const { exitCode, stdout } = await misbehave("source", "--json");
    expect(exitCode).toBe(23);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "SOURCE",
        message: "captions.json ends in the middle\nof record 17",
        file: "coco/\u001b[31mcaptions\n.json",
        record: "/annotations/17",
        remedy: "download it again",
      },
    });
  });

  it("gives null for what the error does not say", async () => {
    const { exitCode, stdout } = await misbehave("leak", "--json");
    expect(exitCode).toBe(20);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "LEAK",
        message: "1 picture of coco/val is trained on",
        file: null,
        record: null,
        remedy: null,
      },
    });
  });

  it.each(["bug", "uncaught"])("calls an error nobody foresaw our bug (%s)", async (behaviour) => {
    const { exitCode, stdout, stderr } = await misbehave(behaviour, "--json");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("error: this is a bug in crossweave: ");
    expect(stderr).toMatch(/TypeError: .*\n +at .*program\.ts/);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "BUG" } });
  });

  it("calls waiting for nothing our bug", async () => {
    const { exitCode, stderr } = await misbehave("unsettled");
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("bug in crossweave")]);
  });

  it("names the full disk, what is free there and what to do", async () => {
    const { exitCode, stderr } = await misbehave("full-disk", "--out", import.meta.dirname);
    expect(exitCode).toBe(24);
    expect(stderr).toMatch(/the disk is full: [\d.]+ \w+ free of [\d.]+ \w+ on the disk of /);
    expect(stderr).toContain(`  file    ${import.meta.dirname}\n  remedy  free some space`);
  });
});

describe("a wrong command line", () => {
  it.each([
    [["misbehaf", "done"], "unknown command 'misbehaf'\n(Did you mean misbehave?)"],
    [["misbehave", "done", "--jsn"], "unknown option '--jsn'\n(Did you mean --json?)"],
    [["misbehave", "done", "--oul", "x"], "unknown option '--oul'\n(Did you mean --out?)"],
    [["misbehave"], "missing required argument 'behaviour'"],
    [["misbehave", "done", "more"], "too many arguments"],
    [["misbehave", ""], "an argument is empty"],
    [["misbehave", "done", "--out", ""], "an argument is empty"],
    [["misbehave", "done", "--out="], "an argument is empty"],
    [[], "no command given"],
  ])("%j ends with exit code 2 and says why", async (args, words) => {
    const { exitCode, stdout, stderr } = await run(args);
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`error: ${words}`);
  });

  it("is an error object with --json, and escapes what was typed", async () => {
    const { exitCode, stdout, stderr } = await run(["misbehave", "--\u001b[2J", "--json"]);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "USAGE",
        message: "unknown option '--\u001b[2J'",
        file: null,
        record: null,
        remedy: "see crossweave misbehave --help",
      },
    });
    expect(stderr).toContain(String.raw`--\x1b[2J`);
  });
});

describe("what a terminal gets", () => {
  it("holds no control characters of names, on either output", async () => {
    const [plain, json] = await Promise.all([misbehave("hostile"), misbehave("hostile", "--json")]);
    const printed = [plain.stdout, plain.stderr, json.stdout, json.stderr].join("");
    // oxlint-disable-next-line no-control-regex
    expect(printed).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\p{Bidi_Control}]/u);
    expect(JSON.parse(json.stdout)).toEqual({ name: "\u009b31m\u202e\u007f" });
  });

  it("holds no line that a name of the command line begins", async () => {
    const { stderr } = await misbehave("done\nerror: none");
    expect(stderr).toBe(`crossweave misbehave: done${String.raw`\x0a`}error: none\n`);
  });

  it.each([
    [["--no-color"], { FORCE_COLOR: "1" }, false],
    [[], { NO_COLOR: "1" }, false],
    [[], { FORCE_COLOR: "1" }, true],
  ])("is coloured as asked by %j and %j", async (options, environment, isColoured) => {
    const { stderr } = await run(["misbehave", "leak", ...options], environment);
    expect(stderr.includes("\u001b[")).toBe(isColoured);
  });
});

describe("Ctrl-C", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("stops a command cleanly (%s)", async (signal) => {
    const program = new RunningProgram(fixture, ["misbehave", "clean-stop", "--json"]);
    await program.says("ready");
    program.child.kill(signal);
    program.child.kill(signal); // as the terminal and npm both send it
    const { exitCode, stdout, stderr } = await program.ended;
    expect(exitCode).toBe(130);
    expect(stderr).toContain("\ninterrupted; the same command goes on where it stopped\n");
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "INTERRUPTED" } });
  });

  it("is the outcome even when it ended a child process first", async () => {
    const program = new RunningProgram(fixture, ["misbehave", "child-stop"]);
    await program.says("ready");
    program.child.kill("SIGINT");
    const { exitCode, stderr } = await program.ended;
    expect(exitCode).toBe(130);
    expect(stderr).toMatch(/\(while stopping: Command failed.*\)\ninterrupted; /);
  });

  it("pressed again ends a command that does not stop", async () => {
    const program = new RunningProgram(fixture, ["misbehave", "stubborn-stop"]);
    await program.says("ready");
    const pressing = setInterval(() => program.child.kill("SIGINT"), 200);
    const { exitCode, stderr } = await program.ended;
    clearInterval(pressing);
    expect([exitCode, stderr]).toEqual([130, expect.stringContaining("press Ctrl-C again")]);
  });
});
