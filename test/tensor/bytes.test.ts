import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { loadTensorFlow } from "../../src/tensor/load.ts";
import { tensorOfBytes } from "../../src/tensor/bytes.ts";

beforeAll(loadTensorFlow);

describe("bytes as a tensor", () => {
  it("are the same numbers as int32, of shared memory that is overwritten at once", () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(256));
    for (let value = 0; value < 256; value += 1) bytes[value] = value;
    const tensor = tensorOfBytes<tf.Rank.R4>(bytes, [2, 4, 8, 4]);
    bytes.fill(0);
    expect([tensor.dtype, tensor.shape]).toEqual(["int32", [2, 4, 8, 4]]);
    expect([...tensor.dataSync()]).toEqual(Array.from({ length: 256 }, (_, value) => value));
    expect([...tf.div(tf.cast(tensor, "float32"), 255).dataSync()].at(-1)).toBe(1);
    tensor.dispose();
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
