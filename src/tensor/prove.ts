// Run by `crossweave setup` in a process of its own: loads a runtime that is not in place yet,
// multiplies two matrices and prints what it found. Arguments: the device and the binding's folder.

import * as tf from "@tensorflow/tfjs-core";
import { loadRuntime } from "./load.ts";
import { parseDevice, runtimeFolders } from "./runtime/release.ts";
import { findTfjsPackage } from "./runtime/tfjs-package.ts";

const [, , deviceName = "", binding = ""] = process.argv;
const tfjs = findTfjsPackage();
if (tfjs === undefined) throw new Error("@tensorflow/tfjs-node-gpu was not found");
const folders = runtimeFolders(parseDevice(deviceName));
const backend = await loadRuntime({ folders, binding, tfjs });
const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]));
const values = [...product.dataSync()];
process.stdout.write(
  JSON.stringify({
    product: values,
    tensorFlowVersion: backend.binding.TF_Version,
    usesGpu: backend.binding.isUsingGpuDevice(),
    allocator: backend.binding.allocator,
    devices: backend.binding.listDevices().map(({ name }) => name),
    hasXla: backend.binding.hasKernel("XlaLaunch"),
    hasCollectives: backend.binding.hasKernel("CollectiveReduceV2"),
  }),
);
