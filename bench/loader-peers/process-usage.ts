import { readdir, readFile } from "node:fs/promises";

const TICKS_PER_SECOND = 100;

/** Seconds of processor time that a process and all that it started and that still run have used; NaN without /proc. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  try {
    // The fields after the name in parentheses: user and system time are the 12th and 13th.
    const [, fields = ""] = (await readFile(`/proc/${pid}/stat`, "latin1")).split(/\) (?!.*\) )/);
    const [user, system] = fields.split(" ").slice(11, 13).map(Number);
    const children = await Promise.all((await childrenOf(pid)).map(cpuSecondsOf));
    const own = ((user ?? Number.NaN) + (system ?? Number.NaN)) / TICKS_PER_SECOND;
    return children.reduce((sum, seconds) => sum + seconds, own);
  } catch {
    return Number.NaN;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "latin1")),
  );
  return lists.flatMap((list) =>
    list
      .split(" ")
      .filter((child) => child !== "")
      .map(Number),
  );
}
