import { once } from "node:events";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { EndedProgram, RunningProgram } from "../../cli/running-program.ts";
import { startRanks } from "./running-ranks.ts";

const file = join(import.meta.dirname, "fixtures/rank-program.ts");
// Long enough for a machine that does much else.
const patience = { silenceMs: 5000, stallMs: 120_000, startMs: 120_000 };

let running: RunningProgram[] = [];
afterEach(() => {
  for (const { child } of running) child.kill("SIGKILL");
});

async function start(numRanks: number, task: object): Promise<RunningProgram[]> {
  const args = [JSON.stringify({ patience, numSums: 0, ...task })];
  running = await startRanks(numRanks, { file, args });
  return running;
}

async function endsOf(ranks: readonly RunningProgram[]): Promise<EndedProgram[]> {
  return await Promise.all(ranks.map(({ ended }) => ended));
}

/** Waits until a rank has printed `words`. */
async function prints({ child }: RunningProgram, words: string): Promise<void> {
  for (let text = ""; !text.includes(words);) {
    const [chunk]: unknown[] = await once(child.stdout, "data");
    text += String(chunk);
  }
}

const numbers = z.array(z.number());
const report = z.object({
  own: numbers,
  sum: numbers,
  sumDigest: z.string(),
  shape: numbers,
  first: numbers,
  whole: numbers,
  gathered: z.array(z.array(z.union([z.number(), z.string()]))),
  summed: numbers,
});

describe.each([2, 3])("%i processes", (numRanks) => {
  it("add, hand out and gather, with the same digits on each", async () => {
    const ends = await endsOf(await start(numRanks, {}));
    expect(ends.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
      ends.map(() => ({ exitCode: 0, stderr: "" })),
    );
    const reports = ends.map(({ stdout }) => report.parse(JSON.parse(stdout)));
    const ranks = reports.map((_, rank) => rank);
    expect(new Set(reports.map(({ sumDigest }) => sumDigest)).size).toBe(1);
    for (const { first, gathered, shape, sum, summed, whole } of reports) {
      const expected = sum.map((_, place) =>
        reports.reduce((total, { own }) => total + (own[place] ?? Number.NaN), 0),
      );
      for (const [place, value] of sum.entries())
        expect(value).toBeCloseTo(expected[place] ?? 0, 5);
      expect(shape).toEqual([7, 143]);
      expect(first).toEqual(reports[0]?.own);
      expect(whole).toEqual([
        ranks.reduce((total, rank) => total + rank),
        (numRanks * 2 ** 30) | 0,
      ]);
      expect(gathered).toEqual(ranks.map((rank) => [rank, Math.PI * rank, "-0"]));
      expect(summed).toEqual([ranks.reduce((total) => total + 0.1, 0), whole[0]]);
    }
  });
});

describe("a rank that is lost", () => {
  it("ends the others with 24 and its name when it is killed", async () => {
    const ranks = await start(3, { numSums: 100_000 });
    const [, lost] = ranks;
    if (lost === undefined) throw new Error("three ranks were started");
    await prints(lost, '"done":50}');
    lost.child.kill("SIGKILL");
    const [first, , last] = await endsOf(ranks);
    for (const end of [first, last]) {
      expect(end?.exitCode).toBe(24);
      expect(end?.stderr).toMatch(/IncompleteError: (rank \d \(127\.0\.0\.1:\d+\)|a rank) is lost/);
    }
  });

  it("ends the others when it stands still, although they wait inside TensorFlow", async () => {
    const ranks = await start(2, { numSums: 100_000 });
    const [first, lost] = ranks;
    if (first === undefined || lost === undefined) throw new Error("two ranks were started");
    await prints(lost, '"done":20}');
    lost.child.kill("SIGSTOP");
    const { exitCode, stderr } = await first.ended;
    expect(exitCode).toBe(24);
    expect(stderr).toMatch(/rank 1 \(127\.0\.0\.1:\d+\) is lost: .*has not answered for 5 s/);
  });

  it("ends the others when it answers, but does not come to where they wait", async () => {
    const ranks = await start(2, {
      numSums: 100,
      patience: { ...patience, stallMs: 5000 },
      odd: { rank: 1, after: 30, does: "waits" },
    });
    const { exitCode, stderr } = (await ranks[0]?.ended) ?? {};
    expect(exitCode).toBe(24);
    expect(stderr).toContain("has not come to where the others wait for 5 s");
  });

  it("ends also a process that computes and takes no notice", async () => {
    const ranks = await start(2, {
      numSums: 100,
      patience: { ...patience, silenceMs: 4000, stallMs: 4000 },
      odd: { rank: 0, after: 30, does: "computes" },
    });
    const [busy, other] = await endsOf(ranks);
    expect(other?.exitCode).toBe(24);
    expect(busy?.exitCode).toBe(24);
    expect(busy?.stderr).toMatch(/task:1 has not answered for \d s .*; this process is ended/);
  });
});

describe("a rank that never comes", () => {
  it("is named by those that wait", async () => {
    const ranks = await start(2, { patience: { ...patience, startMs: 300 } });
    ranks[1]?.child.kill("SIGSTOP");
    const { exitCode, stderr } = (await ranks[0]?.ended) ?? {};
    expect(exitCode).toBe(24);
    expect(stderr).toMatch(/rank 1 \(127\.0\.0\.1:\d+\) did not come within 0 s/);
  });
});
