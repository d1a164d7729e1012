import protobuf from "protobufjs/light.js";
import { z } from "zod";
import type * as tf from "@tensorflow/tfjs-core";
import { tensorFlowBackend } from "../backend.ts";
import { captureStep } from "./capture.ts";
import type { Precision, Step } from "./options.ts";

export interface ProfileOptions {
  readonly precision: Precision;
  /** Runs before the one that is measured. */
  readonly warmUps: number;
}

/** All nodes of one operation in a step. */
export interface OperationTime {
  /** "MatMul"; TensorFlow's optimiser has made some of several: "_FusedMatMul". */
  readonly operation: string;
  readonly count: number;
  /** Their times added up; operations that run side by side count each in full. */
  readonly milliseconds: number;
}

/** One run of a step as TensorFlow has optimised it. */
export interface StepProfile {
  /** From the first operation's beginning to the last one's end. */
  readonly milliseconds: number;
  /** The longest first. */
  readonly operations: readonly OperationTime[];
}

/** Captures a step and has TensorFlow's session measure one run of it, operation by operation. */
export function profileStep(
  step: Step,
  inputs: readonly tf.Tensor[],
  { precision, warmUps }: ProfileOptions,
): StepProfile {
  const backend = tensorFlowBackend();
  let metadata = new Uint8Array();
  const functionName = "crossweave_profile";
  const { eagerOutputs } = captureStep(backend, {
    functionName,
    inputs,
    step,
    precision,
    isForXla: false,
    whenCaptured: () => {
      metadata = Uint8Array.from(backend.binding.profileCapture(warmUps));
    },
  });
  for (const output of eagerOutputs) output.dispose();
  backend.binding.removeFunction(functionName);
  return readProfile(metadata);
}

const field = (id: number, type: string): protobuf.IField => ({ id, type });
const list = (id: number, type: string): protobuf.IField => ({ id, type, rule: "repeated" });

/** What is read of TensorFlow's config.proto and step_stats.proto. */
const RunMetadata = protobuf.Root.fromJSON({
  nested: {
    RunMetadata: { fields: { stepStats: field(1, "StepStats") } },
    StepStats: { fields: { devices: list(1, "DeviceStepStats") } },
    DeviceStepStats: { fields: { nodes: list(2, "NodeExecStats") } },
    NodeExecStats: {
      fields: {
        nodeName: field(1, "string"),
        label: field(8, "string"),
        startNanos: field(13, "int64"),
        runStartNanos: field(14, "int64"),
        runEndNanos: field(15, "int64"),
      },
    },
  },
}).lookupType("RunMetadata");

const metadataParser = z.object({
  stepStats: z
    .object({
      devices: z.array(
        z.object({
          nodes: z.array(
            z.object({
              nodeName: z.string(),
              label: z.string(),
              startNanos: z.number(),
              runStartNanos: z.number(),
              runEndNanos: z.number(),
            }),
          ),
        }),
      ),
    })
    .nullable(),
});

/** Reads a serialized RunMetadata of TensorFlow's. */
export function readProfile(runMetadata: Uint8Array): StepProfile {
  const { stepStats } = metadataParser.parse(
    RunMetadata.toObject(RunMetadata.decode(runMetadata), {
      longs: Number,
      defaults: true,
      arrays: true,
    }),
  );
  const nodes = (stepStats?.devices ?? []).flatMap((device) => device.nodes);
  const totals = new Map<string, { count: number; nanoseconds: number }>();
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const node of nodes) {
    const operation = operationOf(node);
    const total = totals.get(operation) ?? { count: 0, nanoseconds: 0 };
    total.count += 1;
    total.nanoseconds += node.runEndNanos - node.runStartNanos;
    totals.set(operation, total);
    first = Math.min(first, node.startNanos);
    last = Math.max(last, node.startNanos + node.runEndNanos);
  }
  const operations = [...totals].map(([operation, { count, nanoseconds }]) => ({
    operation,
    count,
    milliseconds: nanoseconds / 1e6,
  }));
  return {
    milliseconds: nodes.length === 0 ? 0 : (last - first) / 1e6,
    operations: operations.toSorted((a, b) => b.milliseconds - a.milliseconds),
  };
}

/** A node's label is "name = Operation(inputs)"; of transfers between devices it is another text. */
function operationOf({ label, nodeName }: { label: string; nodeName: string }): string {
  return /= (\w+)\(/.exec(label)?.[1] ?? nodeName.replace(/_\d+$/, "");
}
