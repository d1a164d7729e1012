import { watch } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { drawTinyWorld, start, type TinyWorld } from "../hardship/tiny-world.ts";
import type { RunningProgram } from "../running-program.ts";

let world: TinyWorld;
beforeAll(async () => {
  world = await drawTinyWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

function auditWith(cache: string): RunningProgram {
  const args = ["audit", world.leaking, "--json", "--near-distance", "31"];
  return start(args, { CROSSWEAVE_CACHE: join(world.folder, cache) });
}

it("two audits at once on one empty cache find what one alone finds, and so does the next", async () => {
  const both = [auditWith("shared"), auditWith("shared")];
  const ended = await Promise.all(both.map((program) => program.ended));
  const alone = await auditWith("own").ended;
  const next = await auditWith("shared").ended;
  for (const each of [...ended, next]) {
    expect([each.exitCode, each.stdout]).toEqual([20, alone.stdout]);
  }
  const kept = await readdir(join(world.folder, "shared"), { recursive: true });
  expect(kept.filter((name) => name.endsWith(".part"))).toEqual([]);
});

it("an audit that is killed beside another one on the same cache disturbs neither that nor the next", async () => {
  const cache = join(world.folder, "killed", "near-duplicates");
  await mkdir(cache, { recursive: true });
  const [killed, other] = [auditWith("killed"), auditWith("killed")];
  using watched = new DisposableStack();
  // One of the two writes there, or has just made the folder to write to.
  const watcher = watch(cache, () => killed.child.kill("SIGKILL"));
  watched.defer(() => watcher.close());
  const whole = await other.ended;
  expect([whole.exitCode, (await killed.ended).stdout]).toEqual([20, ""]);
  expect((await auditWith("killed").ended).stdout).toBe(whole.stdout);
});
