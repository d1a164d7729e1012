import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { sha256 } from "../../src/core/digest.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

it("native/resample.wasm is native/resample.c, compiled as its first lines say", async () => {
  const source = await readFile(join(root, "native/resample.c"), "utf8");
  const release = /ziglang (\S+):/.exec(source)?.[1];
  const [, command = ""] =
    /python3 -m (ziglang cc [^]*?-o) native\/resample\.wasm/.exec(source) ?? [];
  const operands = command.replaceAll(/\s*\n\/\/\s*/g, " ").split(" ");
  const folder = await mkdtemp(join(tmpdir(), "crossweave-wasm-"));
  try {
    const install = ["-m", "pip", "install", "--quiet", "--target", folder, `ziglang==${release}`];
    await run("python3", install);
    const compiled = join(folder, "resample.wasm");
    const env = { ...process.env, PYTHONPATH: folder, ZIG_GLOBAL_CACHE_DIR: join(folder, "cache") };
    await run("python3", ["-m", ...operands, compiled], { cwd: root, env });
    const [fresh, committed] = await Promise.all([
      readFile(compiled),
      readFile(join(root, "native/resample.wasm")),
    ]);
    expect(sha256(fresh)).toBe(sha256(committed));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
