import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError, SourceError, StateError } from "../../../src/core/errors.ts";
import { elementBytes } from "../../../src/tensor/weight-files/element-types.ts";
import type { NamedTensor } from "../../../src/tensor/weight-files/element-types.ts";
import { TensorFile } from "../../../src/tensor/weight-files/tensor-file.ts";
import { TensorFiles } from "../../../src/tensor/weight-files/tensor-files.ts";
import {
  type TensorSource,
  writeTensors,
  writeTensorShards,
} from "../../../src/tensor/weight-files/tensor-writer.ts";

let folder = "";
let path = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-weight-files-"));
  path = join(folder, "one.safetensors");
});
afterAll(() => rm(folder, { recursive: true }));

function headed(header: string | Uint8Array, data: Uint8Array): Uint8Array {
  const bytes = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes, data]);
}

/** The one tensor of a file of this type, as it is read. */
async function readAs(dtype: string, data: Uint8Array, count: number): Promise<NamedTensor> {
  const entry = { dtype, shape: [count], data_offsets: [0, data.length] };
  await writeFile(path, headed(JSON.stringify({ x: entry }), data));
  await using file = await TensorFile.open(path);
  const [only] = file.entries;
  if (only === undefined) throw new RangeError("one tensor was written");
  return await file.read(only);
}

const bytesOf = (array: NodeJS.TypedArray): Uint8Array => new Uint8Array(array.buffer);

describe("a tensor file", () => {
  it("has half floats widened exactly, and doubles rounded", async () => {
    const halves = Float16Array.of(1.5, -2, 65504, 2 ** -24, Infinity);
    expect((await readAs("F16", new Uint8Array(halves.buffer), 5)).data).toEqual(
      Float32Array.of(1.5, -2, 65504, 2 ** -24, Infinity),
    );
    const brain = Uint16Array.of(0x3fc0, 0xc000, 0x7f80, 0x0001);
    expect((await readAs("BF16", bytesOf(brain), 4)).data).toEqual(
      Float32Array.of(1.5, -2, Infinity, 2 ** -133),
    );
    expect((await readAs("F64", bytesOf(Float64Array.of(0.1, 1e300)), 2)).data).toEqual(
      Float32Array.of(Math.fround(0.1), Infinity),
    );
  });

  it("has integers of every size as int32", async () => {
    expect((await readAs("I64", bytesOf(BigInt64Array.of(7n, -(2n ** 31n))), 2)).data).toEqual(
      Int32Array.of(7, -(2 ** 31)),
    );
    expect((await readAs("I16", bytesOf(Int16Array.of(-5, 300)), 2)).data).toEqual(
      Int32Array.of(-5, 300),
    );
    expect((await readAs("I8", bytesOf(Int8Array.of(-5, 100)), 2)).data).toEqual(
      Int32Array.of(-5, 100),
    );
    expect((await readAs("U8", Uint8Array.of(200), 1)).data).toEqual(Int32Array.of(200));
    expect((await readAs("BOOL", Uint8Array.of(1, 0), 2)).data).toEqual(Int32Array.of(1, 0));
  });

  it.each([
    ["I64", bytesOf(BigInt64Array.of(2n ** 31n)), 1],
    ["U32", bytesOf(Uint32Array.of(1)), 1],
    ["F8_E4M3", Uint8Array.of(1), 1],
  ])(
    "with values of %s that have no place here opens, and says so when they are read",
    async (...given) => {
      await expect(readAs(...given)).rejects.toThrow(`x is of ${given[0]}`);
      await expect(readAs(...given)).rejects.toBeInstanceOf(StateError);
    },
  );

  it.each([
    ["a zip of torch.save", Buffer.from("504b03040000080800000000", "hex")],
    ["an older pickle of torch.save", Buffer.from("80028a0a6cfc9c46f9206aa850192e", "hex")],
  ])("that is %s is refused with the command that converts it", async (_case, content) => {
    await writeFile(path, content);
    const opening = TensorFile.open(path);
    await expect(opening).rejects.toBeInstanceOf(ConfigError);
    await expect(opening).rejects.toMatchObject({
      remedy: expect.stringMatching(/weights_only=True.*save_file/),
    });
  });

  it("gives its metadata", async () => {
    await writeFile(path, headed('{"__metadata__":{"format":"pt"}}', new Uint8Array(0)));
    await using file = await TensorFile.open(path);
    expect([file.metadata, file.entries]).toEqual([{ format: "pt" }, []]);
  });
});

describe("a malformed header", () => {
  const one = '"shape":[1],"data_offsets":[0,4]';
  it.each([
    ["is not UTF-8", Buffer.concat([Buffer.from('{"'), Buffer.of(0xff), Buffer.from('":0}')])],
    ["begins with a byte order mark", Buffer.from(`\uFEFF{"a":{"dtype":"F32",${one}}}`)],
    ["begins with a space", Buffer.from(` {"a":{"dtype":"F32",${one}}}`)],
    ["has metadata that are no texts", Buffer.from('{"__metadata__":{"step":1}}')],
    ["has a type of another size", Buffer.from(`{"a":{"dtype":"F16",${one}}}`)],
    [
      "has a type named like a member of every object",
      Buffer.from(`{"a":{"dtype":"toString",${one}}}`),
    ],
    ["has a name of 30 MB that never ends", Buffer.from(`{"${"a".repeat(3e7)}`)],
    ["has a million open brackets", Buffer.from(`{"a":${"[".repeat(1e6)}`)],
  ])("that %s is refused", async (_case, header) => {
    await writeFile(path, headed(header, new Uint8Array(4)));
    await expect(TensorFile.open(path)).rejects.toBeInstanceOf(StateError);
  });

  it("with four million escapes in a name is read", async () => {
    const name = String.raw`a\u0061`.repeat(4e6);
    await writeFile(path, headed(`{"${name}":{"dtype":"F32",${one}}}`, new Uint8Array(4)));
    await using file = await TensorFile.open(path);
    expect(file.entries[0]?.name).toHaveLength(8e6);
  });
});

const dtypes = fc.constantFrom("F32", "F16", "I64", "U8", "F99");
const offset = fc.integer({ min: -2, max: 40 });
const entries = fc.record({
  dtype: dtypes,
  shape: fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 2 }),
  data_offsets: fc.tuple(offset, offset),
});
const headers = fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), entries);
const soundFile = headed(
  '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[1],"data_offsets":[8,10]}}',
  new Uint8Array(10),
);

/** Whether a file is refused as it should be, or its entries tile its data: nothing between, nothing twice. */
async function isRefusedOrSound(content: Uint8Array): Promise<boolean> {
  await writeFile(path, content);
  const file = await TensorFile.open(path).catch((error: unknown) => error);
  if (!(file instanceof TensorFile)) {
    return file instanceof StateError || file instanceof ConfigError;
  }
  await using opened = file;
  let end = 0;
  for (const entry of opened.entries) {
    const elements = entry.shape.reduce((product, size) => product * size, 1);
    if (entry.start !== end) return false;
    end += elements * elementBytes[entry.dtype];
    if (entry.end !== end) return false;
  }
  return 8 + Number(Buffer.from(content).readBigUInt64LE()) + end === content.length;
}

describe("any file", () => {
  it("whose header speaks of any ranges is refused or sound", async () => {
    await fc.assert(
      fc.asyncProperty(headers, fc.nat({ max: 40 }), async (header, length) => {
        const content = headed(JSON.stringify(header), new Uint8Array(length));
        expect(await isRefusedOrSound(content)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("with some bytes changed, cut or doubled is refused or sound", async () => {
    const changes = fc.array(fc.tuple(fc.nat(soundFile.length - 1), fc.nat(255)), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(2 * soundFile.length), async (changed, length) => {
        const content = Uint8Array.from(soundFile);
        for (const [place, value] of changed) content[place] = value;
        const doubled = Buffer.concat([content, content]);
        expect(await isRefusedOrSound(content)).toBe(true);
        expect(await isRefusedOrSound(doubled.subarray(0, length))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

function ones(name: string, length: number): TensorSource {
  return {
    name,
    dtype: "F32",
    shape: [length],
    load: () => Promise.resolve(new Float32Array(length).fill(1)),
  };
}

function indexPath(): string {
  return join(folder, "sharded", "model.safetensors.index.json");
}

async function writeSharded(): Promise<string[]> {
  await rm(join(folder, "sharded"), { recursive: true, force: true });
  await mkdir(join(folder, "sharded"));
  return await writeTensorShards(
    indexPath(),
    [ones("a", 5), ones("b", 3), ones("c", 20), ones("d", 1)],
    32,
  );
}

describe("an index of several files", () => {
  it("is read as one file, by its own name and by its folder's", async () => {
    expect(await writeSharded()).toEqual([
      "model-00001-of-00003.safetensors",
      "model-00002-of-00003.safetensors",
      "model-00003-of-00003.safetensors",
    ]);
    for (const name of [indexPath(), join(folder, "sharded")]) {
      await using files = await TensorFiles.open(name);
      const lengths: [string, number][] = [];
      for (const entry of files.entries) {
        lengths.push([entry.name, (await files.read(entry)).data.length]);
      }
      expect(lengths).toEqual([
        ["a", 5],
        ["b", 3],
        ["c", 20],
        ["d", 1],
      ]);
    }
  });

  it("has the form of the transformers library's", async () => {
    await writeSharded();
    expect(JSON.parse(await readFile(indexPath(), "utf8"))).toEqual({
      metadata: { total_size: 116 },
      weight_map: {
        a: "model-00001-of-00003.safetensors",
        b: "model-00001-of-00003.safetensors",
        c: "model-00002-of-00003.safetensors",
        d: "model-00003-of-00003.safetensors",
      },
    });
    expect(await readdir(join(folder, "sharded"))).toHaveLength(4);
  });

  it("that is nowhere is told from one that is malformed", async () => {
    await expect(TensorFiles.open(join(folder, "nowhere"))).rejects.toBeInstanceOf(SourceError);
    await mkdir(join(folder, "empty"));
    const opening = TensorFiles.open(join(folder, "empty"));
    await expect(opening).rejects.toThrow("has neither model.safetensors.index.json nor");
  });

  const first = "model-00001-of-00003.safetensors";
  it.each([
    ["leads out of its folder", { a: "../one.safetensors" }],
    ["names a file that is not there", { a: "model-00009-of-00009.safetensors" }],
    ["names a tensor that its file lacks", { a: first, b: first, x: first }],
    ["leaves a tensor out", { a: first }],
    ["is no index", undefined],
  ])("that %s is refused", async (_case, weightMap) => {
    await writeSharded();
    await writeFile(indexPath(), JSON.stringify({ weight_map: weightMap }));
    await expect(TensorFiles.open(indexPath())).rejects.toBeInstanceOf(StateError);
  });
});

describe("a tensor that cannot be made", () => {
  it("leaves no file behind", async () => {
    const failing = { ...ones("x", 2), load: () => Promise.reject(new RangeError("gone")) };
    const target = join(folder, "never.safetensors");
    await expect(writeTensors(target, [ones("a", 1), failing])).rejects.toThrow("gone");
    expect((await readdir(folder)).filter((name) => name.startsWith("never"))).toEqual([]);
  });
});
