import { setTimeout as sleep } from "node:timers/promises";
import { IncompleteError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { tensorFlowBackend } from "../backend.ts";
import { soloCluster, type Cluster } from "./cluster.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import type { ClusterPatience } from "./patience.ts";
import { TensorFlowCluster } from "./tensorflow-cluster.ts";

export interface JoinOptions {
  readonly patience: ClusterPatience;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

const POLL_MS = 50;
/** Who waits for less is not told. */
const TOLD_WAIT_MS = 5000;

/**
 * Joins the cluster and waits for all of its processes. TensorFlow must be loaded and no tensor made. IncompleteError when
 * one does not come. What is alone needs no cluster.
 */
export async function joinCluster(config: ClusterConfig, options: JoinOptions): Promise<Cluster> {
  if (config.addresses.length === 1) return soloCluster;
  const { binding } = tensorFlowBackend();
  const { silenceMs } = options.patience;
  binding.joinCluster(serverDefinition(config), {
    members: config.addresses.map((_, rank) => memberName(rank)),
    silenceMs,
    graceMs: silenceMs,
    exitCode: new IncompleteError("").exitCode,
  });
  try {
    await waitForMembers(config, options);
  } catch (error) {
    binding.leaveCluster();
    throw error;
  }
  return new TensorFlowCluster(config, options.patience.stallMs);
}

async function waitForMembers(config: ClusterConfig, options: JoinOptions): Promise<void> {
  const { patience, progress, signal } = options;
  const startMs = performance.now();
  let isTold = false;
  for (let missing = missingMembers(config); missing.length > 0; missing = missingMembers(config)) {
    signal?.throwIfAborted();
    const waitedMs = performance.now() - startMs;
    if (waitedMs > patience.startMs) {
      throw new IncompleteError(
        `${missing.join(", ")} did not come within ${Math.round(patience.startMs / 1000)} s`,
        { remedy: "start one process for each rank; each address must be reachable from all" },
      );
    }
    if (!isTold && waitedMs > TOLD_WAIT_MS) progress.say(`waits for ${missing.join(", ")}`);
    isTold ||= waitedMs > TOLD_WAIT_MS;
    await sleep(POLL_MS);
  }
}

/** The ranks that have never answered. */
function missingMembers({ addresses }: ClusterConfig): string[] {
  const silences = tensorFlowBackend().binding.memberSilences();
  return addresses.flatMap((address, rank) =>
    (silences[rank] ?? 0) < 0 ? [`rank ${rank} (${address})`] : [],
  );
}

/** TensorFlow's name of a rank. */
function memberName(rank: number): string {
  return `/job:worker/replica:0/task:${rank}`;
}

/** A ServerDef in protobuf's text form. */
function serverDefinition({ addresses, rank }: ClusterConfig): string {
  const tasks = addresses.map((address, key) => `tasks { key: ${key} value: "${address}" }`);
  return [
    `cluster { job { name: "worker" ${tasks.join(" ")} } }`,
    `job_name: "worker" task_index: ${rank} protocol: "grpc"`,
    `default_session_config { experimental { collective_group_leader: "${memberName(0)}" } }`,
  ].join("\n");
}
