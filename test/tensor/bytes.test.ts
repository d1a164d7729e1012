import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { tensorFlowBackend } from "../../src/tensor/backend.ts";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { floatsOf, tensorOfBytes } from "../../src/tensor/bytes.ts";
import { compile } from "../../src/tensor/compiled/compiled-step.ts";

beforeAll(loadTensorFlow);

describe("bytes as a tensor", () => {
  it("are the same numbers, looked at where they lie in shared memory", () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(256, { maxByteLength: 256 }));
    for (let value = 0; value < 256; value += 1) bytes[value] = value;
    const tensor = tensorOfBytes<tf.Rank.R4>(bytes, [2, 4, 8, 4]);
    expect([tensor.dtype, tensor.shape]).toEqual(["int32", [2, 4, 8, 4]]);
    expect([...tensor.dataSync()]).toEqual(Array.from({ length: 256 }, (_, value) => value));
    expect(tensorFlowBackend().binding.getNumOfBorrowedBuffers()).toBe(1);
    tensor.dispose();
    expect(tensorFlowBackend().binding.getNumOfBorrowedBuffers()).toBe(0);
  });

  it("become floats on the device, as int32 does", () => {
    const bytes = tensorOfBytes<tf.Rank.R1>(Uint8Array.of(0, 128, 255), [3]);
    const floats = floatsOf(bytes);
    expect([floats.dtype, ...floats.dataSync()]).toEqual(["float32", 0, 128, 255]);
    expect([...floatsOf(tf.tensor1d([-3, 300], "int32")).dataSync()]).toEqual([-3, 300]);
  });

  it("are the input of a compiled step as they are, apart from int32 of the same shape", () => {
    const signatures: string[] = [];
    using step = compile(([numbers]) => (numbers ? [tf.div(floatsOf(numbers), 255)] : []), {
      onTrace: ({ signature }) => signatures.push(signature),
    });
    const bytes = tensorOfBytes<tf.Rank.R1>(Uint8Array.of(0, 255), [2]);
    for (const numbers of [bytes, tf.tensor1d([0, 255], "int32"), bytes]) {
      const [shares] = step.run([numbers]);
      expect(shares && [...shares.dataSync()]).toEqual([0, 1]);
    }
    expect(signatures).toEqual(["uint8[2]", "int32[2]"]);
  });

  it("leave nothing behind but their tensor", () => {
    const before = tf.memory().numTensors;
    const tensor = tensorOfBytes<tf.Rank.R1>(Uint8Array.of(1, 2, 3), [3]);
    expect(tf.memory().numTensors).toBe(before + 1);
    tensor.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("must be as many as the shape has", () => {
    expect(() => tensorOfBytes<tf.Rank.R1>(Uint8Array.of(1, 2, 3), [4])).toThrow(/shape/i);
  });
});
