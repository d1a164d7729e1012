import * as tf from "@tensorflow/tfjs-core";
import { IncompleteError } from "../../core/errors.ts";
import { tensorFlowBackend, type OperationAttribute } from "../backend.ts";
import type { Cluster } from "./cluster.ts";
import type { ClusterConfig } from "./cluster-config.ts";

/** All ranks are one group. */
const GROUP_KEY = 1;

interface Collective {
  readonly operation: string;
  readonly tensor: tf.Tensor;
  readonly attributes: readonly OperationAttribute[];
  /** The operation takes the shape instead of the tensor. */
  readonly takesShape?: boolean;
}

/**
 * Ranks that speak through TensorFlow's collectives: rings over gRPC on processors, NCCL on GPUs. While one waits the event
 * loop goes on. Ends with an IncompleteError when a rank is lost.
 */
export class TensorFlowCluster implements Cluster {
  readonly rank: number;
  readonly size: number;
  readonly #addresses: readonly string[];
  readonly #stallMs: number;
  /** TensorFlow tells collectives apart by a number; equal ones (kind, type, shape) share theirs. */
  readonly #instances = new Map<string, number>();

  constructor({ addresses, rank }: ClusterConfig, stallMs: number) {
    this.rank = rank;
    this.size = addresses.length;
    this.#addresses = addresses;
    this.#stallMs = stallMs;
  }

  allReduceSum<R extends tf.Rank>(tensor: tf.Tensor<R>): Promise<tf.Tensor<R>> {
    const attributes = [textAttribute("merge_op", "Add"), textAttribute("final_op", "Id")];
    return this.#run({ operation: "CollectiveReduceV2", tensor, attributes }, tensor.shape);
  }

  broadcast<R extends tf.Rank>(tensor: tf.Tensor<R>): Promise<tf.Tensor<R>> {
    if (this.rank === 0) {
      const sent = { operation: "CollectiveBcastSendV2", tensor, attributes: [] };
      return this.#run(sent, tensor.shape);
    }
    const { TF_INT32 } = tensorFlowBackend().binding;
    const attributes = [typeAttribute("Tshape", TF_INT32)];
    const operation = "CollectiveBcastRecvV2";
    return this.#run({ operation, tensor, attributes, takesShape: true }, tensor.shape);
  }

  async gather(numbers: readonly number[]): Promise<readonly (readonly number[])[]> {
    const words = new Int32Array(Float64Array.from(numbers).buffer);
    const tensor = tf.tensor1d(words, "int32");
    const length = this.size * words.length;
    const collective = { operation: "CollectiveGatherV2", tensor, attributes: [] };
    const gathered = await this.#run<tf.Rank.R1>(collective, [length]).finally(() =>
      tensor.dispose(),
    );
    const all = Int32Array.from(await gathered.data());
    gathered.dispose();
    return Array.from({ length: this.size }, (_, rank) => [
      ...new Float64Array(all.slice(rank * words.length, (rank + 1) * words.length).buffer),
    ]);
  }

  [Symbol.dispose](): void {
    tensorFlowBackend().binding.leaveCluster();
  }

  async #run<R extends tf.Rank>(
    collective: Collective,
    shape: tf.ShapeMap[R],
  ): Promise<tf.Tensor<R>> {
    const backend = tensorFlowBackend();
    const { binding } = backend;
    const stall = setTimeout(() => {
      const seconds = Math.round(this.#stallMs / 1000);
      binding.abortCollectives(
        `a rank answers but has not come to where the others wait for ${seconds} s`,
      );
    }, this.#stallMs);
    const inputs = this.#inputsOf(collective);
    try {
      const [result] = await binding.executeOpAsync(
        collective.operation,
        this.#attributesOf(collective),
        backend.getInputTensorIds(inputs),
        1,
      );
      if (result === undefined) throw new RangeError("a collective gives one tensor");
      const tensor = backend.createOutputTensor(result);
      const shaped = tf.reshape<R>(tensor, shape);
      tensor.dispose();
      return shaped;
    } catch (error) {
      throw this.#faultOf(error);
    } finally {
      clearTimeout(stall);
      tf.dispose(inputs.filter((input) => input !== collective.tensor));
    }
  }

  #inputsOf(collective: Collective): tf.Tensor[] {
    const { takesShape = false, tensor } = collective;
    const keys = [this.size, GROUP_KEY, this.#instanceOf(collective)].map((key) =>
      tf.scalar(key, "int32"),
    );
    if (!takesShape) return [tensor, ...keys];
    return [...keys, tf.tensor1d(tensor.shape, "int32")];
  }

  /** The same on all ranks, since all make the same calls in the same order. */
  #instanceOf({ operation, tensor }: Collective): number {
    const kind = `${operation.replace(/SendV2$|RecvV2$/, "")} ${tensor.dtype} ${tensor.shape.join()}`;
    const instance = this.#instances.get(kind) ?? this.#instances.size + 1;
    this.#instances.set(kind, instance);
    return instance;
  }

  #attributesOf({ attributes, tensor }: Collective): OperationAttribute[] {
    const { binding } = tensorFlowBackend();
    const type = tensor.dtype === "int32" ? binding.TF_INT32 : binding.TF_FLOAT;
    const hint = binding.isUsingGpuDevice() ? "nccl" : "ring";
    return [...attributes, typeAttribute("T", type), textAttribute("communication_hint", hint)];
  }

  #faultOf(error: unknown): unknown {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (!(error instanceof Error) || !LOST_CODES.has(String(code))) return error;
    this[Symbol.dispose]();
    const rank = /\/job:worker\/replica:0\/task:(\d+)/.exec(error.message)?.[1];
    const address = this.#addresses[Number(rank)];
    const who = rank === undefined ? "a rank is lost" : `rank ${rank} (${address}) is lost`;
    return new IncompleteError(`${who}: ${error.message.split("\n")[0]}`, {
      remedy:
        "its own messages say why it ended; the same command goes on, with any number of ranks",
      cause: error,
    });
  }
}

/** TensorFlow's statuses of a collective that another process has let down. */
const LOST_CODES: ReadonlySet<string> = new Set([
  "TF_UNAVAILABLE",
  "TF_ABORTED",
  "TF_CANCELLED",
  "TF_DEADLINE_EXCEEDED",
  "TF_FAILED_PRECONDITION",
]);

function textAttribute(name: string, value: string): OperationAttribute {
  return { name, type: tensorFlowBackend().binding.TF_ATTR_STRING, value };
}

function typeAttribute(name: string, value: number): OperationAttribute {
  return { name, type: tensorFlowBackend().binding.TF_ATTR_TYPE, value };
}
