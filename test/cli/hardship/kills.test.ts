import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readIndex } from "../../../src/shards/shard-set-index.ts";
import { killAtRandomMoments, preparedPhotographs, type Undisturbed } from "./kills.ts";
import { run } from "./tiny-world.ts";

let undisturbed: Undisturbed;
beforeAll(async () => {
  undisturbed = await preparedPhotographs();
});
afterAll(() => undisturbed[Symbol.asyncDispose]());

describe("prepare", () => {
  // kills.slow.ts does this 50 times with 1, 2 and 4 workers.
  it("case 54: killed at random moments, ends with the undisturbed set", async () => {
    const kills = await killAtRandomMoments(undisturbed, { numKills: 3, numWorkers: 2, seed: 3 });
    expect(kills.numKills).toBe(3);
  });

  it("case 54: ends with the undisturbed set while the clock jumps back and forth", async () => {
    const out = join(undisturbed.folder, "jumping-clock");
    const jumps = `
      const real = Date.now;
      let calls = 0;
      Date.now = () => real() + ((calls += 1) % 2 === 0 ? 1 : -1) * calls * 1e9;
      globalThis.Date = class extends Date { constructor(...given) { super(...(given.length === 0 ? [Date.now()] : given)); } };`;
    const clock = `--import=data:text/javascript,${encodeURIComponent(jumps)}`;
    const { exitCode, stderr } = await run(undisturbed.prepare(out, 2), { NODE_OPTIONS: clock });
    expect([exitCode, stderr]).toEqual([0, expect.any(String)]);
    expect((await readIndex(out)).digest).toBe(undisturbed.digest);
  });

  it("case 55: takes over a folder whose holder is gone, and leaves nothing of it", async () => {
    const out = join(undisturbed.folder, "stale");
    await mkdir(join(out, ".unfinished"), { recursive: true });
    const holder = JSON.stringify({ pid: 2 ** 30, host: "gone", since: "2020-01-01T00:00:00Z" });
    await writeFile(join(out, ".unfinished/holder.json"), holder);
    await writeFile(join(out, ".unfinished/lock"), "");
    expect((await run(undisturbed.prepare(out, 2))).exitCode).toBe(0);
    expect((await readIndex(out)).digest).toBe(undisturbed.digest);
    expect(await readdir(out)).not.toContain(".unfinished");
  });

  it("case 55: of two runs at once into one folder, the second is refused and names the first", async () => {
    const out = join(undisturbed.folder, "two");
    const command = undisturbed.prepare(out, 1);
    const both = await Promise.all([run(command), run(command)]);
    const refused = both.filter(({ exitCode }) => exitCode === 25);
    const done = both.filter(({ exitCode }) => exitCode === 0);
    expect(done.length + refused.length).toBe(2);
    expect(done.length).toBeGreaterThan(0);
    for (const { stderr } of refused) {
      expect(stderr).toMatch(/is in use: (?:process \d+ on \S+ \(since .*\)|another process)/);
    }
    expect((await readIndex(out)).digest).toBe(undisturbed.digest);
  });
});
