import { clusterConfigText } from "../../../src/tensor/cluster/cluster-config.ts";
import { freeLocalAddresses } from "../../../src/tensor/cluster/local-addresses.ts";
import { RunningProgram } from "../../cli/running-program.ts";

/** The same program as so many ranks on this machine. */
export async function startRanks(
  numRanks: number,
  program: { readonly file: string; readonly args: readonly string[] },
): Promise<RunningProgram[]> {
  const addresses = await freeLocalAddresses(numRanks);
  return addresses.map(
    (_, rank) =>
      new RunningProgram(program.file, program.args, {
        TF_CONFIG: clusterConfigText({ rank, addresses }),
      }),
  );
}
