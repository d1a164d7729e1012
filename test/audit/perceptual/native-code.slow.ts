import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../../..");

it.each(["pdq", "hamming", "alignment", "xxh64"])(
  "native/%s.wasm is its C file, compiled as its first lines say",
  async (name) => {
    const source = await readFile(join(root, `native/${name}.c`), "utf8");
    const release = /ziglang (\S+):/.exec(source)?.[1];
    const [, command = ""] = /python3 -m (ziglang cc [^]*?-o) native\/\w+\.wasm/.exec(source) ?? [];
    const operands = command.replaceAll(/\s*\n\/\/\s*/g, " ").split(" ");
    const folder = await mkdtemp(join(tmpdir(), "crossweave-wasm-"));
    try {
      const install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--target",
        folder,
        `ziglang==${release}`,
      ];
      await run("python3", install);
      const compiled = join(folder, `${name}.wasm`);
      const env = {
        ...process.env,
        PYTHONPATH: folder,
        ZIG_GLOBAL_CACHE_DIR: join(folder, "cache"),
      };
      await run("python3", ["-m", ...operands, compiled], { cwd: root, env });
      const committed = await readFile(join(root, `native/${name}.wasm`));
      expect(sha256(await readFile(compiled))).toBe(sha256(committed));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
