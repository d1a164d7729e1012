import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { tensorFlowBackend, type TensorFlowBinding } from "../../../src/tensor/backend.ts";
import { findRuntime, loadTensorFlow } from "../../../src/tensor/load.ts";
import { BINDING_ADDON } from "../../../src/tensor/runtime/binding.ts";
import { runChild } from "../../../src/tensor/runtime/child-process.ts";

let binding: TensorFlowBinding;
beforeAll(async () => {
  await loadTensorFlow();
  ({ binding } = tensorFlowBackend());
});

const fixture = (name: string): string => join(import.meta.dirname, "fixtures", name);

/** What a call of the binding throws; anything may be passed. */
function faultOf(name: keyof TensorFlowBinding, ...args: readonly unknown[]): unknown {
  const method: unknown = binding[name];
  if (typeof method !== "function") throw new Error(`${name} is no function`);
  try {
    return { returned: Reflect.apply(method, binding, args) };
  } catch (error) {
    return error;
  }
}

const attribute = (name: string, type: number, value: unknown): unknown => ({ name, type, value });

describe("a fault of a call", () => {
  it("is TensorFlow's, with the operation and the types and shapes of its tensors", () => {
    const ids = [
      binding.createTensor([2, 3], binding.TF_FLOAT, new Float32Array(6)),
      binding.createTensor([2, 1], binding.TF_FLOAT, new Float32Array(2)),
    ];
    expect(faultOf("executeOp", "MatMul", [], ids, 1)).toMatchObject({
      code: "TF_INVALID_ARGUMENT",
      message:
        "MatMul(float32[2,3], float32[2,1]): Matrix size-incompatible: In[0]: [2,3], In[1]: [2,1]",
    });
    for (const id of ids) binding.deleteTensor(id);
  });

  it("names a tensor that was deleted, twice deleted or never there", () => {
    const id = binding.createTensor([], binding.TF_FLOAT, Float32Array.of(1));
    binding.deleteTensor(id);
    const isGone = { code: "BAD_TENSOR", message: `tensor ${id} has been deleted` };
    expect(faultOf("deleteTensor", id)).toMatchObject(isGone);
    expect(faultOf("tensorDataSync", id)).toMatchObject(isGone);
    expect(faultOf("tensorData", id)).toMatchObject(isGone);
    expect(faultOf("executeOp", "Identity", [], [id], 1)).toMatchObject(isGone);
    expect(faultOf("deleteTensor", 10 ** 9)).toMatchObject({
      message: "tensor 1000000000 does not exist",
    });
  });

  it.each([
    ["no such operation", ["NoSuch", [], [], 1], "TF_NOT_FOUND"],
    ["too many tensors", ["Sqrt", [], ["x", "x"], 1], "BAD_ARGUMENT"],
    ["too few tensors", ["MatMul", [], ["x"], 1], "BAD_ARGUMENT"],
    ["too few outputs", ["Sqrt", [], ["x"], 0], "TF_INVALID_ARGUMENT"],
    ["a negative number of outputs", ["Sqrt", [], ["x"], -1], "BAD_ARGUMENT"],
    ["endless outputs", ["Sqrt", [], ["x"], 2 ** 31], "BAD_ARGUMENT"],
    ["an unknown type", ["Sqrt", [attribute("T", 4, 99)], ["x"], 1], "BAD_ARGUMENT"],
    ["an unknown kind", ["Sqrt", [attribute("T", 77, 1)], ["x"], 1], "BAD_ARGUMENT"],
    ["another kind", ["Sqrt", [attribute("T", 3, true)], ["x"], 1], "BAD_ARGUMENT"],
    ["no attribute", ["Cast", [], ["x"], 1], "BAD_ARGUMENT"],
    ["an attribute too many", ["Sqrt", [attribute("no", 3, true)], ["x"], 1], "BAD_ARGUMENT"],
    [
      "a shape beyond all",
      ["Sqrt", [attribute("s", 5, [2 ** 40, 2 ** 40])], ["x"], 1],
      "BAD_ARGUMENT",
    ],
    [
      "a flat picture",
      [
        "MaxPool",
        [attribute("ksize", 1, [1]), attribute("strides", 1, [1]), attribute("padding", 0, "SAME")],
        ["x"],
        1,
      ],
      "BAD_ARGUMENT",
    ],
  ] as const)("is told of an operation with %s", (_, [name, attributes, inputs, count], code) => {
    const id = binding.createTensor([2], binding.TF_FLOAT, Float32Array.of(1, 4));
    const before = binding.getNumOfTensors();
    const ids = inputs.map(() => id);
    expect(faultOf("executeOp", name, attributes, ids, count)).toMatchObject({ code });
    expect(binding.getNumOfTensors()).toBe(before);
    binding.deleteTensor(id);
  });

  it.each([
    ["a negative axis", [[-1], 1, new Float32Array(0)]],
    ["a broken axis", [[0.5], 1, new Float32Array(0)]],
    [
      "more axes than TensorFlow has",
      [Array.from({ length: 255 }, () => 1), 1, new Float32Array(1)],
    ],
    ["more elements than there are numbers", [[2 ** 40, 2 ** 40, 0], 1, new Float32Array(0)]],
    ["fewer values", [[3], 1, new Float32Array(2)]],
    ["values of another type", [[2], 1, new Int32Array(2)]],
    ["no array", [[2], 1, { length: 2 }]],
    ["a view of bytes", [[2], 4, new DataView(new ArrayBuffer(2))]],
    ["a type that is none", [[2], 4000, new Uint8Array(2)]],
    ["a type without values", [[2], 21, new Uint8Array(2)]],
    ["texts that are no bytes", [[1], 7, ["text"]]],
    ["too few arguments", [[1]]],
  ] as const)("is told of a tensor with %s", (_, args) => {
    const before = binding.getNumOfTensors();
    expect(faultOf("createTensor", ...args)).toMatchObject({
      name: "TypeError",
      code: "BAD_ARGUMENT",
    });
    expect(faultOf("createTensorInPlace", ...args)).toMatchObject({ code: "BAD_ARGUMENT" });
    expect(binding.getNumOfTensors()).toBe(before);
  });

  it("is the exception of a getter, whatever the getter did to the tensors", () => {
    const id = binding.createTensor([2], binding.TF_FLOAT, Float32Array.of(1, 4));
    const mine = new Error("mine");
    const throwing = {
      get name(): string {
        throw mine;
      },
    };
    expect(faultOf("executeOp", "Sqrt", [throwing], [id], 1)).toBe(mine);
    const deleting = {
      get name(): string {
        binding.deleteTensor(id);
        return "T";
      },
      type: 4,
      value: 1,
    };
    expect(faultOf("executeOp", "Sqrt", [deleting], [id], 1)).toMatchObject({ code: "BAD_TENSOR" });
  });

  it("is no crash in thousands of calls at random", async () => {
    const runtime = await findRuntime();
    const addon = join(runtime?.binding ?? "", BINDING_ADDON);
    const ended = await runChild([
      process.execPath,
      fixture("random-calls.ts"),
      addon,
      "2026",
      "4000",
    ]);
    expect({ ...ended, stdout: "" }).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: expect.anything(),
    });
    expect(JSON.parse(ended.stdout)).toMatchObject({ left: 0, returned: expect.any(Number) });
  });
});

describe("threads", () => {
  it("each have a context of their own, and may be ended in the middle of their work", async () => {
    const ended = await runChild([process.execPath, fixture("threads.ts")]);
    expect({ ...ended, stdout: "" }).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: expect.anything(),
    });
    const whole = { exitCode: 0, messages: [{ value: 32 }, { tensors: 0, borrowed: 0 }] };
    const cut = { exitCode: 1, message: { value: 32 } };
    expect(JSON.parse(ended.stdout)).toEqual({
      lives: [whole, whole, whole],
      cuts: Array.from({ length: 6 }, () => cut),
      kept: [1, 2],
    });
  });
});
