import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, it } from "vitest";

// The whole set-up with the real wheel, pip and compiler, in a cache of its own: 274 MB are downloaded
// at least once.

const run = promisify(execFile);
const crossweave = join(import.meta.dirname, "..", "..", "bin", "crossweave.mjs");

it("is complete after any number of SIGKILLs, in each of its stages", async () => {
  const cache = await mkdtemp(join(tmpdir(), "crossweave-setup-"));
  const env = { ...process.env, CROSSWEAVE_CACHE: cache };
  for (const seconds of [1, 4, 10, 16, 8, 8]) {
    const killed = spawn(process.execPath, [crossweave, "setup"], { env, stdio: "ignore" });
    const ended = once(killed, "exit");
    await Promise.race([sleep(seconds * 1000), ended]);
    killed.kill("SIGKILL");
    await ended;
  }
  const finished = await run(process.execPath, [crossweave, "setup", "--json"], { env });
  expect(JSON.parse(finished.stdout)).toMatchObject({
    tensorFlowVersion: "2.21.0",
    device: "cpu",
  });
  const doctor = await run(process.execPath, [crossweave, "doctor", "--json"], { env });
  expect(JSON.parse(doctor.stdout)).toMatchObject({ canTrain: true });
  const runtime = (await readdir(cache)).find((name) => name.startsWith("tensorflow-"));
  const left = (await readdir(join(cache, runtime ?? ""))).map((name) => name.replace(/-.*/, ""));
  expect(left.toSorted()).toEqual(["binding", "site"]);
  await rm(cache, { recursive: true });
});
