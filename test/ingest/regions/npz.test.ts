import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import { imageKey } from "../../../src/core/keys.ts";
import { parseNpy } from "../../../src/ingest/regions/npy.ts";
import { openNpzFolders } from "../../../src/ingest/regions/npz-folders.ts";
import { openRegions } from "../../../src/ingest/regions/region-source.ts";
import { RegionFault } from "../../../src/ingest/regions/region-fault.ts";
import type { NpzRegionPolicy } from "../../../src/ingest/regions/region-policy.ts";
import { type MadeMember, makeZip } from "../archives/hostile-zip.ts";
import { npzPolicy, optionsFor } from "./region-fixtures.ts";

interface NpyFields {
  readonly version?: number;
  readonly descr?: string;
  readonly fortran?: string;
  readonly shape?: string;
  readonly values?: Buffer;
  readonly header?: string;
}

function npyOf({ version = 1, descr = "'<f4'", fortran = "False", ...fields }: NpyFields): Buffer {
  const { shape = "2, 2", values = Buffer.alloc(16) } = fields;
  const header =
    fields.header ?? `{'descr': ${descr}, 'fortran_order': ${fortran}, 'shape': (${shape}), }\n`;
  const text = Buffer.from(header);
  const size = Buffer.alloc(version === 1 ? 2 : 4);
  size.writeUIntLE(text.length, 0, size.length);
  const magic = Buffer.from([0x93, ...Buffer.from("NUMPY"), version, 0]);
  return Buffer.concat([magic, size, text, values]);
}

function floatsOf(...values: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(values).buffer);
}

describe("the .npy parser", () => {
  it.each([1, 2, 3])("reads version %i", (version) => {
    const bytes = npyOf({ version, values: floatsOf(1, 2, 3, 4.5) });
    const { shape, values } = parseNpy(bytes, "features.npy");
    expect([shape, Array.from(values)]).toEqual([
      [2, 2],
      [1, 2, 3, 4.5],
    ]);
  });

  it.each([
    ["'<f2'", Buffer.from(new Float16Array([1, 2, 3, 4.5]).buffer)],
    ["'<f8'", Buffer.from(new Float64Array([1, 2, 3, 4.5]).buffer)],
  ])("reads %s", (descr, values) => {
    expect(Array.from(parseNpy(npyOf({ descr, values }), "x").values)).toEqual([1, 2, 3, 4.5]);
  });

  it.each([
    ["one dimension", "4,", [4]],
    ["no dimension", "", []],
    ["three", "1, 2, 2", [1, 2, 2]],
  ])("reads %s", (_, shape, expected) => {
    const numValues = expected.reduce((product, size) => product * size, 1);
    const bytes = npyOf({ shape, values: Buffer.alloc(4 * numValues) });
    expect(parseNpy(bytes, "x").shape).toEqual(expected);
  });

  it.each<[string, Buffer, RegExp]>([
    ["Python objects", npyOf({ descr: "'|O'" }), /Python objects, which only unpickling/],
    [
      "records with Python objects",
      npyOf({ descr: "[('a', '<f4'), ('b', '|O')]" }),
      /Python objects/,
    ],
    ["big-endian numbers", npyOf({ descr: "'>f4'" }), /holds '>f4'; expected floats/],
    ["whole numbers", npyOf({ descr: "'<i8'" }), /holds '<i8'; expected floats/],
    ["columns instead of rows", npyOf({ fortran: "True" }), /column order/],
    ["fewer values than its shape", npyOf({ shape: "2, 3" }), /16 bytes of values.*takes 24/],
    ["more values than its shape", npyOf({ shape: "1, 2" }), /16 bytes of values.*takes 8/],
    ["a shape past all numbers", npyOf({ shape: `${"9".repeat(400)}, 2` }), /takes Infinity/],
    ["a negative shape", npyOf({ shape: "-1, 2" }), /has the header/],
    ["another version", npyOf({ version: 4 }), /version 4/],
    ["a header that is cut", npyOf({}).subarray(0, 30), /ends in its header/],
    ["a header without size", npyOf({ version: 2 }).subarray(0, 10), /ends in its header/],
    ["code in its header", npyOf({ header: "__import__('os').abort()" }), /has the header/],
    ["nothing", Buffer.alloc(0), /is no .npy file/],
    ["a pickle", Buffer.from("\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07example."), /is no .npy file/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => parseNpy(bytes, "conf.npy")).toThrow(RegionFault);
    expect(() => parseNpy(bytes, "conf.npy")).toThrow(message);
  });
});

const folder = await mkdtemp(join(tmpdir(), "crossweave-npz-"));
const policy = npzPolicy({ numFeatures: 2, numClasses: 1 });

beforeAll(() => mkdir(join(folder, "npz")));
afterAll(() => rm(folder, { recursive: true, force: true }));

const members: readonly MadeMember[] = [
  { name: "norm_bb.npy", content: npyOf({ shape: "1, 6", values: floatsOf(0, 0, 1, 1, 1, 1) }) },
  { name: "conf.npy", content: npyOf({ shape: "1,", values: floatsOf(0.5) }) },
  { name: "features.npy", content: npyOf({ shape: "1, 2", values: floatsOf(3, 4) }) },
  { name: "soft_labels.npy", content: npyOf({ shape: "1, 1", values: floatsOf(1) }) },
];

function changed(name: string, change: Partial<MadeMember>): MadeMember[] {
  return members.map((member) => (member.name === name ? { ...member, ...change } : member));
}

async function readOnly(bytes: Buffer, of: NpzRegionPolicy = policy): Promise<unknown> {
  await writeFile(join(folder, "npz", "vg_1.npz"), bytes);
  using entries = await openNpzFolders(optionsFor(of, folder));
  return await entries.read("vg:1");
}

describe("npz files", () => {
  it("give their arrays, whatever else they hold", async () => {
    const others = [
      { name: "allow_pickle.npy", content: npyOf({ descr: "'|b1'", shape: "" }) },
      { name: "objects.npy", content: npyOf({ descr: "'|O'" }) },
    ];
    expect(await readOnly(makeZip([...others, ...members]).all)).toMatchObject({
      place: "npz/vg_1.npz",
      corners: Float64Array.of(0, 0, 1, 1),
      features: Float32Array.of(3, 4),
    });
  });

  it("need no probabilities when the recipe wants none", async () => {
    const without = members.filter(({ name }) => name !== "soft_labels.npy");
    const found = await readOnly(makeZip(without).all, { ...policy, numClasses: 0 });
    expect(found).toMatchObject({ classProbabilities: null });
  });

  const bomb = Buffer.alloc(70 * 2 ** 20);

  it.each<[string, readonly MadeMember[], RegExp]>([
    ["a bomb", changed("features.npy", { content: bomb }), /would unpack to 73400320 bytes/],
    [
      "a bomb that lies about its size",
      changed("features.npy", { content: bomb, sizeBytes: 136 }),
      /damaged or cut npz file/,
    ],
    ["a wrong checksum", changed("conf.npy", { crc: 1 }), /CRC-?32|crc/i],
    [
      "a member twice",
      [...members, { name: "conf.npy", content: npyOf({ shape: "1,", values: floatsOf(1) }) }],
      /conf.npy twice/,
    ],
    ["an unknown compression", changed("conf.npy", { method: 99 }), /compression/],
    ["a password", changed("conf.npy", { flags: 1 }), /encrypt/],
    [
      "a thousand members",
      [...members, ...Array.from({ length: 96 }, (_, at) => ({ name: `x${at}` }))],
      /100 members/,
    ],
    ["no boxes", members.slice(1), /norm_bb is missing or empty/],
    ["no confidences", members.filter((_, at) => at !== 1), /it has no conf.npy/],
    [
      "boxes of three corners",
      changed("norm_bb.npy", { content: npyOf({ shape: "1, 3", values: floatsOf(0, 0, 1) }) }),
      /norm_bb has the shape \(1, 3\)/,
    ],
    [
      "features of another size",
      changed("features.npy", { content: npyOf({ shape: "1, 4" }) }),
      /features has the shape \(1, 4\), expected \(1, 2\)/,
    ],
    [
      "fewer features than boxes",
      changed("features.npy", { content: npyOf({ shape: "0, 2", values: Buffer.alloc(0) }) }),
      /features has the shape \(0, 2\)/,
    ],
    [
      "objects for features",
      changed("features.npy", { content: npyOf({ descr: "'|O'" }) }),
      /Python objects/,
    ],
  ])("are a fault with %s", async (_, content, message) => {
    const { all } = makeZip(content);
    await expect(readOnly(all)).rejects.toThrow(RegionFault);
    await expect(readOnly(all)).rejects.toThrow(message);
    await expect(readOnly(all)).rejects.toThrow(/^npz\/vg_1.npz: /);
  });

  it("are a fault wherever they are cut, and when empty", async () => {
    const { all } = makeZip(members);
    for (let size = 0; size < all.length; size += 37) {
      await expect(readOnly(all.subarray(0, size))).rejects.toThrow(RegionFault);
    }
  });

  it("end in a fault or in values, never in another error, when bits flip", async () => {
    const { all } = makeZip(members);
    const outcomes = new Set<string>();
    for (let position = 0; position < all.length; position += 3) {
      const bytes = Buffer.from(all);
      bytes.writeUInt8(bytes.readUInt8(position) ^ (1 << (position % 8)), position);
      outcomes.add(
        await readOnly(bytes).then(
          () => "values",
          (error: Error) => error.name,
        ),
      );
    }
    expect([...outcomes].toSorted()).toEqual(["RegionFault", "values"]);
  });
});

describe("folders of npz files", () => {
  it("find pictures by what the names spell", async () => {
    const names = {
      "coco_train2014_000000000009.npz": imageKey("coco", 9),
      "coco_test2015_000000000001.npz": imageKey("coco", 1),
      "flickr30k_001000092795.npz": imageKey("flickr30k", 1_000_092_795),
      "nlvr2_dev-850-0-img0.npz": imageKey("nlvr2", "dev-850-0-img0"),
      "vcr_val_3038_X_00.08.14.616-00.08.17.313@0.npz": imageKey(
        "vcr",
        "3038_X_00.08.14.616-00.08.17.313@0",
      ),
      "visual_grounding_coco_gt_000000000072.npz": imageKey("coco", 72),
    };
    await mkdir(join(folder, "names"));
    for (const name of [...Object.keys(names), "vg_.npz", "vg_1.npy", "readme.txt"]) {
      await writeFile(join(folder, "names", name), "");
    }
    const said: string[] = [];
    const options = optionsFor(npzPolicy({ folders: ["names"] }), folder);
    const progress = { report: () => {}, say: (message: string) => said.push(message) };
    using entries = await openNpzFolders({ ...options, progress });
    for (const key of Object.values(names)) expect(entries.has(key)).toBe(true);
    expect(entries.has("vg:1")).toBe(false);
    expect(await entries.read("vg:1")).toBeUndefined();
    expect(said).toEqual(["names: the names of 3 files spell no picture"]);
  });

  it("find VCR's pictures, whose folders the names do not spell", async () => {
    const policyOfNames = npzPolicy({ folders: ["names"] });
    using regions = await openRegions(optionsFor(policyOfNames, folder));
    const name = "3038_X_00.08.14.616-00.08.17.313@0";
    expect(regions.has(imageKey("vcr", `lsmdc_3038_X/${name}`))).toBe(true);
    expect(regions.has(imageKey("vcr", name))).toBe(true);
    expect(regions.has(imageKey("vcr", `lsmdc_3038_X/4${name}`))).toBe(false);
  });

  it("do not say two things about one picture", async () => {
    await mkdir(join(folder, "twice"));
    for (const name of ["coco_train2014_000000000009.npz", "coco_val2014_000000000009.npz"]) {
      await writeFile(join(folder, "twice", name), makeZip(members).all);
    }
    const options = optionsFor(npzPolicy({ folders: ["twice"] }), folder);
    using entries = await openNpzFolders(options);
    await expect(entries.read("coco:9")).rejects.toMatchObject({
      code: "REG_TWICE",
      message:
        "twice/coco_train2014_000000000009.npz and twice/coco_val2014_000000000009.npz are both about coco:9",
    });
  });

  it("are named by the sizes of their files", async () => {
    const digestNow = async (): Promise<string> => {
      using entries = await openNpzFolders(optionsFor(policy, folder));
      return entries.digest;
    };
    await writeFile(join(folder, "npz", "vg_1.npz"), "abc");
    const before = await digestNow();
    expect(await digestNow()).toBe(before);
    await writeFile(join(folder, "npz", "vg_1.npz"), "abcd");
    expect(await digestNow()).not.toBe(before);
  });

  it("must be there and hold features", async () => {
    await mkdir(join(folder, "empty"));
    for (const name of ["empty", "absent"]) {
      const opened = openNpzFolders(optionsFor(npzPolicy({ folders: [name] }), folder));
      await expect(opened).rejects.toThrow(SourceError);
      await expect(opened).rejects.toThrow(`${name} holds no region features such as vg_1.npz`);
    }
  });

  it("stop the run when a file is gone", async () => {
    await writeFile(join(folder, "npz", "vg_1.npz"), "abc");
    using entries = await openNpzFolders(optionsFor(policy, folder));
    await rm(join(folder, "npz", "vg_1.npz"));
    await expect(entries.read("vg:1")).rejects.toThrow(SourceError);
  });
});
