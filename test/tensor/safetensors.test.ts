import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../src/core/digest.ts";
import { StateError } from "../../src/core/errors.ts";
import { readSafetensors, writeSafetensors } from "../../src/tensor/safetensors.ts";
import type { NamedTensor } from "../../src/tensor/weight-files/element-types.ts";

let folder = "";
let path = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-safetensors-"));
  path = join(folder, "model.safetensors");
});

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function tensorsOf(name: string): fc.Arbitrary<NamedTensor> {
  return fc.tuple(shapes, fc.boolean()).chain(([shape, isFloat]) => {
    const length = { minLength: sizeOf(shape), maxLength: sizeOf(shape) };
    return isFloat
      ? fc.float32Array(length).map((data): NamedTensor => ({ name, dtype: "F32", shape, data }))
      : fc.int32Array(length).map((data): NamedTensor => ({ name, dtype: "I32", shape, data }));
  });
}

const files = fc
  .uniqueArray(fc.oneof(fc.string(), fc.constantFrom("__proto__", "0", "a.b", "ß\u2028")), {
    maxLength: 6,
  })
  .filter((names) => !names.includes("__metadata__"))
  .chain((names) => fc.tuple(...names.map((name) => tensorsOf(name))));

const byName = (a: NamedTensor, b: NamedTensor): number => (a.name < b.name ? -1 : 1);

function bitsOf(tensor: NamedTensor): readonly unknown[] {
  const { buffer, byteOffset, byteLength } = tensor.data;
  const bytes = Buffer.from(buffer, byteOffset, byteLength).toString("hex");
  return [tensor.name, tensor.dtype, [...tensor.shape], bytes];
}

async function writeRaw(header: string, data: Uint8Array = new Uint8Array(0)): Promise<void> {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  await writeFile(path, Buffer.concat([length, Buffer.from(header), data]));
}

async function faultOf(header: string, data?: Uint8Array): Promise<unknown> {
  await writeRaw(header, data);
  return readSafetensors(path).catch((error: unknown) => error);
}

describe("a safetensors file", () => {
  it("gives back every tensor bit for bit, whatever its name, type and shape", async () => {
    await fc.assert(
      fc.asyncProperty(files, async (tensors) => {
        await writeSafetensors(path, tensors);
        const found = [...(await readSafetensors(path)).values()];
        expect(found.toSorted(byName).map((tensor) => bitsOf(tensor))).toEqual(
          tensors.toSorted(byName).map((tensor) => bitsOf(tensor)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it("has the same bytes when it is written again, and its tensors start on 8 bytes", async () => {
    const tensors: NamedTensor[] = [
      { name: "weight", dtype: "F32", shape: [2, 3], data: new Float32Array(6).fill(0.5) },
      { name: "step", dtype: "I32", shape: [], data: Int32Array.of(7) },
    ];
    await writeSafetensors(path, tensors);
    const first = await readFile(path);
    await writeSafetensors(path, tensors);
    expect(sha256(await readFile(path))).toBe(sha256(first));
    expect(Number(first.readBigUInt64LE()) % 8).toBe(0);
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
  });

  it("of the Python package is read", async () => {
    // safetensors 0.8.0: save({...}, metadata={"format": "np"}) with numpy.
    const base64 =
      "GAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJucCJ9LCJlbWJlZGRpbmdzLndvcmQiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzIsMl0sImRhdGFfb2Zmc2V0cyI6WzAsMTZdfSwiZW1wdHkiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzAsNF0sImRhdGFfb2Zmc2V0cyI6WzE2LDE2XX0sInNjYWxhciI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbXSwiZGF0YV9vZmZzZXRzIjpbMTYsMjBdfSwic3RlcCI6eyJkdHlwZSI6IkkzMiIsInNoYXBlIjpbMl0sImRhdGFfb2Zmc2V0cyI6WzIwLDI4XX19AADAPwAAAMAAAIB/zczMPQAAUEAHAAAA/////w==";
    await writeFile(path, Buffer.from(base64, "base64"));
    const found = await readSafetensors(path);
    expect([...found.keys()]).toEqual(["embeddings.word", "empty", "scalar", "step"]);
    expect(found.get("embeddings.word")).toEqual({
      name: "embeddings.word",
      dtype: "F32",
      shape: [2, 2],
      data: Float32Array.of(1.5, -2, Infinity, 0.1),
    });
    expect(found.get("step")?.data).toEqual(Int32Array.of(7, -1));
    expect(found.get("empty")?.shape).toEqual([0, 4]);
    expect(found.get("scalar")?.data).toEqual(Float32Array.of(3.25));
  });
});

const bytes = (count: number): Uint8Array => new Uint8Array(count);
const entry = (start: number, end: number, rest = '"dtype":"F32","shape":[1]'): string =>
  `{${rest},"data_offsets":[${start},${end}]}`;

describe("a malformed safetensors file", () => {
  it.each([
    ["two tensors share bytes", `{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, bytes(4)],
    ["bytes belong to no tensor", `{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, bytes(12)],
    ["bytes are left at the end", `{"a":${entry(0, 4)}}`, bytes(5)],
    ["the data ends early", `{"a":${entry(0, 4)}}`, bytes(3)],
    ["the shape asks for more", `{"a":${entry(0, 4, '"dtype":"F32","shape":[2]')}}`, bytes(4)],
    ["a range runs backwards", `{"a":${entry(4, 0)}}`, bytes(4)],
    ["a size is negative", `{"a":${entry(0, 4, '"dtype":"F32","shape":[-1]')}}`, bytes(4)],
    ["a size is no integer", `{"a":${entry(0, 4, '"dtype":"F32","shape":[1.5]')}}`, bytes(6)],
    ["the sizes overflow", `{"a":${entry(0, 4, '"dtype":"F32","shape":[1e300,1e300]')}}`, bytes(4)],
    ["the type is unknown", `{"a":${entry(0, 4, '"dtype":"F99","shape":[1]')}}`, bytes(4)],
    ["a field is unknown", `{"a":${entry(0, 4, '"x":1,"dtype":"F32","shape":[1]')}}`, bytes(4)],
    ["a name comes twice", `{"a":${entry(0, 4)},"a":${entry(0, 4)}}`, bytes(4)],
    ["an escaped name comes twice", `{"a":${entry(0, 4)},"\\u0061":${entry(0, 4)}}`, bytes(4)],
    [
      "a field comes twice",
      `{"a":${entry(0, 4, '"dtype":"I32","dtype":"F32","shape":[1]')}}`,
      bytes(4),
    ],
    ["the header is a list", "[]", bytes(0)],
    ["the header is no JSON", "{", bytes(0)],
    ["the header is empty", "", bytes(0)],
  ])("is refused when %s", async (_case, header, data) => {
    expect(await faultOf(header, data)).toBeInstanceOf(StateError);
  });

  it.each([
    ["longer than the file", Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 123, 125])],
    ["longer than the format allows", Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 123, 125])],
    ["cut off itself", Buffer.from([2, 0, 0])],
    ["of a file that is empty", Buffer.alloc(0)],
  ])("is refused when its header is %s", async (_case, content) => {
    await writeFile(path, content);
    await expect(readSafetensors(path)).rejects.toBeInstanceOf(StateError);
  });

  it("is refused when it is not there", async () => {
    await expect(readSafetensors(join(folder, "none"))).rejects.toMatchObject({ code: "STATE" });
  });

  it("is never written: equal names and wrong lengths are our own bugs", async () => {
    const tensor = { name: "a", dtype: "F32", shape: [2], data: new Float32Array(2) } as const;
    await expect(writeSafetensors(path, [tensor, tensor])).rejects.toThrow("one name");
    await expect(writeSafetensors(path, [{ ...tensor, shape: [3] }])).rejects.toThrow("elements");
  });
});
