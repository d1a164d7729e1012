import { extname, join } from "node:path";
import { z } from "zod";
import { RuntimeMissingError } from "../core/errors.ts";
import type { InstalledRuntime } from "./load.ts";
import { childFault, lastLines, runChild } from "./runtime/child-process.ts";
import { TENSORFLOW_VERSION } from "./runtime/release.ts";

/** What a runtime has shown in a process of its own. */
export interface RuntimeProof {
  readonly tensorFlowVersion: string;
  /** Whether TensorFlow found a GPU; the CUDA build runs without one too. */
  readonly usesGpu: boolean;
  /** How the binding has memory allocated. */
  readonly allocator: string;
  /** "/job:localhost/replica:0/task:0/device:CPU:0" */
  readonly devices: readonly string[];
  readonly hasXla: boolean;
  readonly hasCollectives: boolean;
}

const proofParser = z.object({
  product: z.tuple([z.literal(19), z.literal(22), z.literal(43), z.literal(50)]),
  tensorFlowVersion: z.literal(TENSORFLOW_VERSION),
  usesGpu: z.boolean(),
  allocator: z.string(),
  devices: z.array(z.string()),
  hasXla: z.boolean(),
  hasCollectives: z.boolean(),
});

/** Loads a runtime in a child process and multiplies two matrices; RuntimeMissingError when that does not work. */
export async function proveRuntime(
  runtime: Pick<InstalledRuntime, "folders" | "binding">,
  signal?: AbortSignal,
): Promise<RuntimeProof> {
  const program = join(import.meta.dirname, `prove${extname(import.meta.filename)}`);
  const result = await runChild(
    [process.execPath, program, runtime.folders.device, runtime.binding],
    { signal },
  );
  const proof = proofParser.safeParse(parseJson(result.stdout));
  if (result.exitCode === 0 && proof.success) return proof.data;
  throw childFault(
    result,
    new RuntimeMissingError(`TensorFlow does not run on this machine:\n${lastLines(result, 12)}`, {
      remedy: "run crossweave setup --fresh; if that fails too, name another compiler by CXX",
    }),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
