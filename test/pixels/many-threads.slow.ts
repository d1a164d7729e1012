import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const script = join(import.meta.dirname, "fixtures/many-threads.ts");

it("A hundred threads start, decode, and stop or are ended amid a picture, and the process lives", async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script, "100"]);
  expect({ stdout, stderr }).toEqual({ stdout: "100 threads\n", stderr: "" });
});
