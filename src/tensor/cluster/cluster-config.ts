import { z } from "zod";
import { ConfigError } from "../../core/errors.ts";

/** The variable that TensorFlow's users describe a cluster with. */
export const CLUSTER_VARIABLE = "TF_CONFIG";

/** Which processes train together, and which of them this one is. */
export interface ClusterConfig {
  readonly rank: number;
  /** Of each rank, host:port. */
  readonly addresses: readonly string[];
}

const address = z
  .string()
  .regex(/^(?:[\w.-]+|\[[\da-f:.]+\]):\d{1,5}$/i, "host:port is expected")
  .refine((text) => {
    const port = Number(text.slice(text.lastIndexOf(":") + 1));
    return port >= 1 && port <= 65_535;
  }, "the port is no number from 1 to 65535");

const configSchema = z.object({
  cluster: z.strictObject(
    { chief: z.array(address).max(1).default([]), worker: z.array(address).default([]) },
    "only chief and worker train; there is no parameter server and no evaluator",
  ),
  task: z.object({ type: z.enum(["chief", "worker"]), index: z.int().nonnegative() }),
});

/**
 * The cluster that a text in the form of TF_CONFIG describes: the chief, where there is one, is rank 0, the workers
 * follow. Undefined for no text or one that names no cluster. ConfigError that names each fault.
 */
export function parseClusterConfig(text: string | undefined): ClusterConfig | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const content = jsonOf(text);
  if (isWithoutCluster(content)) return undefined;
  const parsed = configSchema.safeParse(content);
  if (!parsed.success) throw wrong(z.prettifyError(parsed.error));
  const { cluster, task } = parsed.data;
  const addresses = [...cluster.chief, ...cluster.worker];
  const twice = addresses.find((name, place) => addresses.indexOf(name) !== place);
  if (twice !== undefined) throw wrong(`${twice} stands twice in the cluster`);
  const numTasks = cluster[task.type].length;
  if (task.index >= numTasks) {
    throw wrong(`task is ${task.type} ${task.index}, but the cluster has ${numTasks} of these`);
  }
  const rank = task.type === "chief" ? 0 : cluster.chief.length + task.index;
  return { rank, addresses };
}

/** The text that `parseClusterConfig` reads as this cluster. */
export function clusterConfigText({ addresses, rank }: ClusterConfig): string {
  return JSON.stringify({
    cluster: { worker: addresses },
    task: { type: "worker", index: rank },
  });
}

function isWithoutCluster(content: unknown): boolean {
  if (typeof content !== "object" || content === null || Array.isArray(content)) return false;
  return !("cluster" in content);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrong(String(error));
  }
}

function wrong(fault: string): ConfigError {
  return new ConfigError(`${CLUSTER_VARIABLE}: ${fault}`, {
    remedy: `for example ${CLUSTER_VARIABLE}='{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}', the index another one on each machine; or unset it`,
  });
}
