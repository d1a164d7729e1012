import { ConfigError } from "../../core/errors.ts";
import {
  CLUSTER_VARIABLE,
  type ClusterConfig,
  parseClusterConfig,
} from "../../tensor/cluster/cluster-config.ts";
import { type ClusterPatience, patienceOf } from "../../tensor/cluster/patience.ts";
import type { RankFlags } from "./rank-flags.ts";

/** How long a rank may be silent when the command does not say it. */
const DEFAULT_TIMEOUT_SECONDS = 60;

/** Which rank this process is, and how long it waits for the others. */
export interface RankPlan {
  readonly config: ClusterConfig;
  readonly patience: ClusterPatience;
  /** Aborted when the process that has started the ranks knows that one will not come. */
  readonly launcher?: AbortSignal;
}

/** How long ranks wait for one another; ConfigError when it is no time. */
export function rankPatience({
  rankTimeout = DEFAULT_TIMEOUT_SECONDS,
}: RankFlags): ClusterPatience {
  if (rankTimeout > 0) return patienceOf(1000 * rankTimeout);
  throw new ConfigError("--rank-timeout 0: ranks need time to answer one another");
}

/** ConfigError when some ranks would have no picture of a batch. */
export function refuseIdleRanks(numRanks: number, picturesPerBatch: number): void {
  if (numRanks <= picturesPerBatch) return;
  throw new ConfigError(`${numRanks} ranks cannot share a batch of ${picturesPerBatch} pictures`, {
    remedy: "train with fewer ranks, or --set data.picturesPerBatch to more",
  });
}

/** The rank that TF_CONFIG makes of this process, if it names a cluster; ConfigError when --ranks says otherwise. */
export function rankPlan(flags: RankFlags, variable: string | undefined): RankPlan | undefined {
  const config = parseClusterConfig(variable);
  if (config === undefined) return undefined;
  const numRanks = config.addresses.length;
  if (flags.ranks !== undefined && flags.ranks !== numRanks) {
    throw new ConfigError(
      `--ranks ${flags.ranks} starts ranks on this machine, but ${CLUSTER_VARIABLE} names ${numRanks} already`,
      { remedy: `leave --ranks out, or unset ${CLUSTER_VARIABLE}` },
    );
  }
  return { config, patience: rankPatience(flags) };
}
