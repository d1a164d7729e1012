import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text as textOf } from "node:stream/consumers";
import { IncompleteError } from "../../core/errors.ts";
import { CLUSTER_VARIABLE, clusterConfigText } from "../../tensor/cluster/cluster-config.ts";
import { freeLocalAddresses } from "../../tensor/cluster/local-addresses.ts";
import type { CommandContext, CommandOutcome } from "../frame.ts";
import { printMessage } from "../terminal/output.ts";
import { decisiveEnd, type EndedRank } from "./decisive-end.ts";

/** What those that are left have to save where the run stands, beside the time in which they notice. */
const SAVING_MS = 60_000;

export interface LocalRanks {
  readonly numRanks: number;
  /** A rank that is silent for so long is lost. */
  readonly silenceMs: number;
}

/**
 * Runs the command that this process was given as so many ranks on this machine, each a process of its own that finds
 * the others by TF_CONFIG. What rank 0 prints is the outcome; the others' messages carry their rank. When one fails,
 * the others are given time to end, then they are killed.
 */
export async function runLocalRanks(
  { numRanks, silenceMs }: LocalRanks,
  { json, signal }: CommandContext,
): Promise<CommandOutcome<unknown>> {
  const addresses = await freeLocalAddresses(numRanks);
  const ranks = addresses.map((_, rank) => startRank(rank, addresses));
  const signalAll = (name: NodeJS.Signals): void => ranks.forEach(({ child }) => child.kill(name));
  const interrupt = (): void => signalAll("SIGINT");
  signal.addEventListener("abort", interrupt);
  let deadline: NodeJS.Timeout | undefined;
  const endings: EndedRank[] = [];
  const end = async (rank: StartedRank): Promise<void> => {
    const ended = await rank.ended;
    // What is killed here says nothing of why.
    if (deadline === undefined || ended.signal !== "SIGKILL") endings.push(ended);
    if (ended.exitCode === 0) return;
    tellOfLoss(ranks, ended.rank);
    deadline ??= setTimeout(() => signalAll("SIGKILL"), 2 * silenceMs + SAVING_MS);
  };
  try {
    await Promise.all(ranks.map(end));
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener("abort", interrupt);
  }
  return outcomeOf(decisiveEnd(endings), json);
}

function outcomeOf(end: EndedRank, json: boolean): CommandOutcome<unknown> {
  if (end.exitCode === null) {
    throw new IncompleteError(`rank ${end.rank} was ended by ${end.signal ?? "a signal"}`, {
      remedy: "the same command goes on, with any number of ranks",
    });
  }
  const { exitCode, stdout } = end;
  const result: unknown = json && stdout !== "" ? JSON.parse(stdout) : null;
  return { result, text: stdout, exitCode };
}

interface StartedRank {
  readonly child: ChildProcess;
  readonly ended: Promise<EndedRank>;
}

function startRank(rank: number, addresses: readonly string[]): StartedRank {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: {
      ...process.env,
      [CLUSTER_VARIABLE]: clusterConfigText({ rank, addresses }),
      CUDA_VISIBLE_DEVICES: gpuOf(rank),
    },
    // By the channel a rank is told of the others, and notices that this process has ended.
    stdio: ["ignore", "pipe", rank === 0 ? "inherit" : "pipe", "ipc"],
  });
  return { child, ended: endOf(child, rank) };
}

/** Each rank has a GPU of its own, where there are any: the ones that CUDA_VISIBLE_DEVICES lists, or all. */
function gpuOf(rank: number): string {
  const listed = process.env["CUDA_VISIBLE_DEVICES"];
  return listed === undefined ? String(rank) : (listed.split(",")[rank] ?? "");
}

async function endOf(child: ChildProcess, rank: number): Promise<EndedRank> {
  const { stderr, stdout } = child;
  if (stderr !== null) {
    createInterface({ input: stderr }).on("line", (line) => printMessage(`rank ${rank}: ${line}`));
  }
  const [printed, ending] = await Promise.all([
    stdout === null ? "" : textOf(stdout),
    once(child, "close"),
  ]);
  const [exitCode, signal]: (number | NodeJS.Signals | null)[] = ending;
  return {
    rank,
    exitCode: typeof exitCode === "number" ? exitCode : null,
    signal: typeof signal === "string" ? signal : null,
    stdout: printed,
  };
}

/** For those that wait for a rank that never comes: they would not know it from a late one. */
function tellOfLoss(ranks: readonly StartedRank[], lostRank: number): void {
  for (const { child } of ranks) {
    // One that ends at the same moment cannot be told, and need not.
    if (child.connected) child.send({ lostRank }, () => {});
  }
}
