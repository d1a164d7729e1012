import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { tensorFlowBackend, type TensorFlowBinding } from "../../../src/tensor/backend.ts";
import { loadTensorFlow } from "../../../src/tensor/load.ts";

/** A field of a protocol buffer that holds a message or a text. */
function field(number: number, ...content: readonly (string | Uint8Array)[]): Uint8Array {
  const body = Buffer.concat(content.map((part) => Buffer.from(part)));
  if (body.length > 16_383) throw new RangeError("too long for this test");
  const length = [(body.length & 127) | 128, body.length >> 7];
  return Buffer.concat([Uint8Array.of((number << 3) | 2, ...length), body]);
}

const FLOAT = field(5, field(1, "T"), field(2, Uint8Array.of(6 << 3, 1)));
const FLOAT_DTYPE = field(5, field(1, "dtype"), field(2, Uint8Array.of(6 << 3, 1)));
const x = field(1, field(1, "x"), field(2, "Placeholder"), FLOAT_DTYPE);
const y = field(1, field(1, "y"), field(2, "Square"), field(3, "x"), FLOAT);
/** TensorFlow's SavedModel of y = x * x. */
const SQUARE = Buffer.concat([
  Uint8Array.of(1 << 3, 1),
  field(2, field(1, field(4, "serve")), field(2, x, y)),
]);

let binding: TensorFlowBinding;
let folder = "";
beforeAll(async () => {
  await loadTensorFlow();
  ({ binding } = tensorFlowBackend());
  folder = await mkdtemp(join(tmpdir(), "crossweave-saved-model-"));
  await writeFile(join(folder, "saved_model.pb"), SQUARE);
});

/** A function of tfjs-node's binding that Crossweave itself does not use. */
function call(name: string, ...args: readonly unknown[]): unknown {
  const method: unknown = Reflect.get(binding, name);
  if (typeof method !== "function") throw new Error(`the binding has no ${name}`);
  return Reflect.apply(method, binding, args);
}

describe("a saved model", () => {
  it("is loaded, run and forgotten", () => {
    const model = call("loadSavedModel", folder, "serve");
    const input = binding.createTensor([2], binding.TF_FLOAT, Float32Array.of(3, -4));
    const results = call("runSavedModel", model, [input], "x:0", "y");
    expect(results).toMatchObject([{ shape: [2], dtype: binding.TF_FLOAT }]);
    const [{ id }] = z.tuple([z.object({ id: z.number() })]).parse(results);
    expect(binding.tensorDataSync(id)).toEqual(Float32Array.of(9, 16));
    for (const tensor of [input, id]) binding.deleteTensor(tensor);
    expect(call("getNumOfSavedModels")).toBe(1);
    call("deleteSavedModel", model);
    expect(call("getNumOfSavedModels")).toBe(0);
    expect(() => call("deleteSavedModel", model)).toThrow(/no saved model/);
  });

  it("is refused with TensorFlow's words, or with the name that it has not", () => {
    expect(() => call("loadSavedModel", join(folder, "nothing"), "serve")).toThrow(/nothing/);
    expect(() => call("loadSavedModel", folder, "train")).toThrow(/tags.*train/);
    expect(call("getNumOfSavedModels")).toBe(0);
    const model = call("loadSavedModel", folder, "serve");
    for (const names of ["z", "x:7", "x:-1"]) {
      expect(() => call("runSavedModel", model, [], "", names)).toThrow(names);
    }
    call("deleteSavedModel", model);
  });
});
