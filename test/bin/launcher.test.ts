import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..", "..");

interface Ended {
  readonly exitCode: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function launch(folder: string, ...args: readonly string[]): Promise<Ended> {
  return launchIn(process.env, folder, ...args);
}

function launchIn(
  env: NodeJS.ProcessEnv,
  folder: string,
  ...args: readonly string[]
): Promise<Ended> {
  const file = join(folder, "bin", "crossweave.mjs");
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { env }, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

/** A folder with the launcher and a package.json that asks for `engines`. */
async function packageFor(
  engines: string,
  files: Readonly<Record<string, string>> = {},
): Promise<AsyncDisposable & { readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-launcher-"));
  await cp(join(root, "bin"), join(folder, "bin"), { recursive: true });
  const manifest = JSON.stringify({ type: "module", engines: { node: engines } });
  for (const [path, text] of Object.entries({ ...files, "package.json": manifest })) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

describe("the launcher", () => {
  it("runs the sources in a checkout and the build in an installed package", async () => {
    const built = { "dist/cli/main.js": 'console.log("built", process.argv[2]);' };
    await using installed = await packageFor(">=20", built);
    await using checkout = await packageFor(">=20", {
      ...built,
      "src/cli/main.ts": 'const word: string = "sources"; console.log(word, process.argv[2]);',
    });
    expect((await launch(installed.folder, "doctor")).stdout).toBe("built doctor\n");
    expect((await launch(checkout.folder, "doctor")).stdout).toBe("sources doctor\n");
  });

  it("keeps what Node compiled in the cache folder, for its threads and children, too", async () => {
    await using checkout = await packageFor(">=20", {
      "src/cli/main.ts": "console.log(process.env.NODE_COMPILE_CACHE);",
    });
    const cache = join(checkout.folder, "cache");
    const { NODE_COMPILE_CACHE: _, ...rest } = process.env;
    const env = { ...rest, CROSSWEAVE_CACHE: cache };
    const { stdout } = await launchIn(env, checkout.folder);
    expect(stdout).toBe(`${join(cache, "compiled")}\n`);
    const [version = ""] = await readdir(join(cache, "compiled"));
    expect((await readdir(join(cache, "compiled", version))).length).toBeGreaterThan(0);
    const chosen = { ...env, NODE_COMPILE_CACHE: join(cache, "chosen") };
    expect((await launchIn(chosen, checkout.folder)).stdout).toBe(`${join(cache, "chosen")}\n`);
  });

  it.each(["a file's place/cache", "no/such/folder"])(
    "runs where the cache folder cannot be made: %s",
    async (cache) => {
      await using checkout = await packageFor(">=20", {
        "src/cli/main.ts": 'console.log("ran");',
        "a file's place": "",
      });
      const env = { ...process.env, CROSSWEAVE_CACHE: join(checkout.folder, cache) };
      expect((await launchIn(env, checkout.folder)).stdout).toBe("ran\n");
    },
  );

  it("says which Node it needs when this one is too old", async () => {
    await using installed = await packageFor("^98.1 || >=99");
    const { exitCode, stdout, stderr } = await launch(installed.folder, "doctor", "--json");
    const message = `crossweave needs Node ^98.1 || >=99; this is ${process.version}`;
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`error: ${message}`);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: "NODE_TOO_OLD", message: expect.stringContaining(message) },
    });
  });

  it("starts the checkout's own Node when this one is too old", async () => {
    await using checkout = await packageFor(">=99", {
      "src/cli/main.ts": "",
      "node_modules/node/bin/node": '#!/bin/sh\nshift\necho "own $*"\nexit 20\n',
    });
    await chmod(join(checkout.folder, "node_modules/node/bin/node"), 0o755);
    const { exitCode, stdout } = await launch(checkout.folder, "audit", "sets/coco");
    expect([exitCode, stdout]).toEqual([20, "own audit sets/coco\n"]);
  });

  it("does not start itself again when the checkout's own Node is too old as well", async () => {
    await using checkout = await packageFor(">=99", {
      "src/cli/main.ts": "",
      "node_modules/node/bin/package.json": "{}",
    });
    await symlink(process.execPath, join(checkout.folder, "node_modules/node/bin/node"));
    expect(await launch(checkout.folder)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("npm run setup"),
    });
  });
});

describe("the range of Node versions", () => {
  let isInRange: (version: string, range: string) => boolean;
  beforeAll(async () => {
    ({ isInRange } = await import(join(root, "bin", "node-range.mjs")));
  });

  it.each([
    ["24.12.0", true],
    ["24.21.3", true],
    ["26.0.0", true],
    ["27.1.0", true],
    ["24.11.9", false],
    ["25.3.0", false],
    ["20.20.2", false],
    ["8.0.0", false],
  ])("^24.12 || >=26 takes %s: %s", (version, isTaken) => {
    expect(isInRange(version, "^24.12 || >=26")).toBe(isTaken);
  });
});
