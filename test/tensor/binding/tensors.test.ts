import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  tensorFlowBackend,
  type TensorFlowBinding,
  type TensorValues,
} from "../../../src/tensor/backend.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";

let binding: TensorFlowBinding;
beforeAll(async () => {
  await loadTensorFlow();
  ({ binding } = tensorFlowBackend());
});

/** TensorFlow's numbers of its types, and arrays of their values from random bytes. */
const arrays: readonly (readonly [number, (bytes: Uint8Array<ArrayBuffer>) => TensorValues])[] = [
  [1, ({ buffer }) => new Float32Array(buffer)],
  [2, ({ buffer }) => new Float64Array(buffer)],
  [3, ({ buffer }) => new Int32Array(buffer)],
  [4, (bytes) => bytes],
  [5, ({ buffer }) => new Int16Array(buffer)],
  [6, ({ buffer }) => new Int8Array(buffer)],
  [9, ({ buffer }) => new BigInt64Array(buffer)],
  [10, (bytes) => bytes.map((byte) => byte & 1)],
  [14, ({ buffer }) => new Uint16Array(buffer)],
  [17, ({ buffer }) => new Uint16Array(buffer)],
  [19, ({ buffer }) => new Uint16Array(buffer)],
  [22, ({ buffer }) => new Uint32Array(buffer)],
  [23, ({ buffer }) => new BigUint64Array(buffer)],
];

const bitsOf = (values: unknown): string => {
  if (!ArrayBuffer.isView(values)) throw new Error("no typed array");
  const { buffer, byteOffset, byteLength } = values;
  return `${values.constructor.name} ${Buffer.from(buffer, byteOffset, byteLength).toString("hex")}`;
};

const withTensor = <Result>(id: number, use: (id: number) => Result): Result => {
  try {
    return use(id);
  } finally {
    binding.deleteTensor(id);
  }
};

describe("a tensor of the binding", () => {
  it("gives back its values bit for bit, whatever their type, at once and later", async () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 4 }).map((some) => {
      const whole = new Uint8Array(some.length * 8);
      for (let index = 0; index < whole.length; index += 1)
        whole[index] = (some[index >> 3] ?? 0) * index;
      return whole;
    });
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom(...arrays), async (content, [dtype, arrayOf]) => {
        const values = arrayOf(content);
        const id = binding.createTensor([values.length], dtype, values);
        expect(bitsOf(binding.tensorDataSync(id))).toBe(bitsOf(values));
        const later = binding.tensorData(id);
        binding.deleteTensor(id);
        expect(bitsOf(await later)).toBe(bitsOf(values));
      }),
      { numRuns: 150 },
    );
  });

  it("of bfloat16 and float16 has the numbers that their bits say", () => {
    const half = binding.createTensor([3], binding.TF_HALF, Uint16Array.of(0x3c00, 0xc000, 0x3555));
    const brain = binding.createTensor([2], binding.TF_BFLOAT16, Uint16Array.of(0x3f80, 0x4049));
    const widened = [half, brain].map((id) =>
      withTensor(id, () => {
        const [result] = binding.executeOp(
          "Cast",
          [{ name: "DstT", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }],
          [id],
          1,
        );
        return withTensor(result?.id ?? -1, (wide) => binding.tensorDataSync(wide));
      }),
    );
    expect(widened).toEqual([Float32Array.of(1, -2, 0.333251953125), Float32Array.of(1, 3.140625)]);
  });

  it("of strings keeps them of any length, also where a result shares them", () => {
    const texts = ["", "a", "x".repeat(23), "é".repeat(5000)].map((text) => Buffer.from(text));
    const bytes = texts.map((text) => Uint8Array.from(text));
    const id = binding.createTensor([2, 2], 7, bytes);
    const [copy] = binding.executeOp("Identity", [], [id], 1);
    binding.deleteTensor(id);
    expect(withTensor(copy?.id ?? -1, (shared) => binding.tensorDataSync(shared))).toEqual(bytes);
  });

  it("keeps its values when the array that it was made of changes", () => {
    const shared = new Float32Array(new SharedArrayBuffer(64));
    for (const values of [Float32Array.of(1, 2), shared]) {
      values.fill(7);
      const id = binding.createTensor([values.length], binding.TF_FLOAT, values);
      values.fill(9);
      const kept = withTensor(id, () => binding.tensorDataSync(id));
      expect(kept).toEqual(new Float32Array(values.length).fill(7));
    }
  });

  it("of truths holds nothing but 0 and 1", () => {
    const id = binding.createTensor([3], 10, Uint8Array.of(0, 2, 255));
    expect(withTensor(id, () => binding.tensorDataSync(id))).toEqual(Uint8Array.of(0, 1, 1));
  });
});

/** Shared memory that begins on a page, which a SharedArrayBuffer of its own need not. */
function sharedPage(): SharedArrayBuffer {
  const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  if (!(buffer instanceof SharedArrayBuffer)) throw new Error("the memory is not shared");
  return buffer;
}

describe("a tensor in place", () => {
  it("looks at shared memory where it lies, and holds it until it is deleted", () => {
    const bytes = new Uint8Array(sharedPage(), 64, 8);
    const id = binding.createTensorInPlace([8], binding.TF_UINT8, bytes);
    expect(binding.getNumOfBorrowedBuffers()).toBe(1);
    bytes.fill(5);
    expect(binding.tensorDataSync(id)).toEqual(new Uint8Array(8).fill(5));
    binding.deleteTensor(id);
    expect(binding.getNumOfBorrowedBuffers()).toBe(0);
  });

  it("is a copy of memory that is not shared, not aligned, empty or of truths", () => {
    const cases = [
      [binding.TF_UINT8, new Uint8Array(64)],
      [binding.TF_UINT8, new Uint8Array(sharedPage(), 1, 64)],
      [binding.TF_UINT8, new Uint8Array(sharedPage(), 0, 0)],
      [10, new Uint8Array(sharedPage(), 0, 64)],
    ] as const;
    for (const [dtype, bytes] of cases) {
      const id = binding.createTensorInPlace([bytes.length], dtype, bytes);
      expect(binding.getNumOfBorrowedBuffers()).toBe(0);
      bytes.fill(1);
      expect(withTensor(id, () => binding.tensorDataSync(id))).toEqual(
        new Uint8Array(bytes.length),
      );
    }
  });

  it("keeps its memory where a result still looks at it", () => {
    const floats = new Float32Array(sharedPage(), 0, 16);
    const id = binding.createTensorInPlace([16], binding.TF_FLOAT, floats.fill(3));
    const [view] = binding.executeOp("Identity", [], [id], 1);
    binding.deleteTensor(id);
    expect(binding.getNumOfBorrowedBuffers()).toBe(1);
    expect(binding.tensorDataSync(view?.id ?? -1)).toEqual(new Float32Array(16).fill(3));
    binding.deleteTensor(view?.id ?? -1);
    expect(binding.getNumOfBorrowedBuffers()).toBe(0);
  });
});

describe("work aside", () => {
  it("goes on with inputs that are deleted at once, while the event loop turns", async () => {
    const values = new Float32Array(256 * 256).fill(0.5);
    const id = binding.createTensor([256, 256], binding.TF_FLOAT, values);
    const before = binding.getNumOfTensors();
    const running = binding.executeOpAsync("MatMul", [], [id, id], 1);
    binding.deleteTensor(id);
    await nextTurn();
    const [product] = await running;
    expect(product).toMatchObject({ shape: [256, 256], dtype: binding.TF_FLOAT });
    expect(await binding.tensorData(product?.id ?? -1)).toEqual(values.fill(64));
    binding.deleteTensor(product?.id ?? -1);
    expect(binding.getNumOfTensors()).toBe(before - 1);
  });

  it("fails by a rejection with TensorFlow's words", async () => {
    const id = binding.createTensor([2, 3], binding.TF_FLOAT, new Float32Array(6));
    await expect(binding.executeOpAsync("MatMul", [], [id, id], 1)).rejects.toMatchObject({
      code: "TF_INVALID_ARGUMENT",
      message: expect.stringMatching(/^MatMul\(float32\[2,3\], float32\[2,3\]\): /),
    });
    binding.deleteTensor(id);
  });
});
