import { link, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { errnoOf } from "../../../src/core/errors.ts";
import { makeZip, zipEnd } from "./hostile-zip.ts";
import { unpacked, UnpackedFolder } from "./unpacked-folder.ts";

const good = { name: "annotations/good.json", content: "[1, 2]" };
const goodFile = { "out/annotations/good.json": "[1, 2]" };

describe("a zip file", () => {
  it("is unpacked with its folders, packed members, stored ones and streamed ones", async () => {
    const { unpacking, files } = await unpacked(
      makeZip([
        { name: "a/", method: 0 },
        { name: "a/stored.txt", content: "stored", method: 0 },
        { name: "a/streamed.txt", content: "streamed", descriptor: true },
        { name: "a/empty.txt", method: 0 },
        good,
      ]).all,
    );
    expect(files).toEqual({
      ...goodFile,
      "out/a/stored.txt": "stored",
      "out/a/streamed.txt": "streamed",
      "out/a/empty.txt": "",
    });
    expect(unpacking).toEqual({
      numFiles: 4,
      numWritten: 4,
      sizeBytes: 20,
      numLeftOut: 0,
      leftOut: [],
      cutAt: undefined,
    });
  });

  it("gives only the members that are wanted", async () => {
    const zip = makeZip([good, { name: "other.json", content: "{}" }]);
    const { files } = await unpacked(zip.all, { wants: (path) => path !== "other.json" });
    expect(files).toEqual(goodFile);
  });

  it("is unpacked again without writing what is there, and never over another file", async () => {
    await using folder = await UnpackedFolder.create();
    const zip = makeZip([good, { name: "other.json", content: "{}" }]);
    await folder.unpack(zip.all);
    await writeFile(join(folder.out, "other.json"), "[]");
    const again = await folder.unpack(zip.all);
    expect(again).toMatchObject({ numFiles: 1, numWritten: 0, numLeftOut: 1 });
    expect(again.leftOut).toEqual([
      expect.objectContaining({ member: "other.json", code: "ARC_EXISTS" }),
    ]);
    expect(await folder.files()).toEqual({ ...goodFile, "out/other.json": "[]" });
  });

  it("does not follow a link that stands where a member belongs", async () => {
    await using folder = await UnpackedFolder.create();
    await mkdir(join(folder.out, "annotations"), { recursive: true });
    await writeFile(join(folder.root, "outside"), "[1, 2]");
    await symlink("../../outside", join(folder.out, "annotations/good.json"));
    const { leftOut } = await folder.unpack(makeZip([good]).all);
    expect(leftOut).toEqual([expect.objectContaining({ code: "ARC_EXISTS" })]);
  });
});

describe("hostile zip files", () => {
  it.each([
    "../../outside.txt",
    "a/../../outside.txt",
    "/tmp/outside.txt",
    "C:/outside.txt",
    "C:outside.txt",
    "a\\..\\..\\outside.txt",
    "\\\\server\\share\\outside.txt",
    "//server/share/outside.txt",
    "a//b.txt",
    "./a.txt",
  ])("case 17: leaves out the member %j and keeps the rest", async (name) => {
    const { unpacking, files } = await unpacked(makeZip([{ name, content: "evil" }, good]).all);
    expect(files).toEqual(goodFile);
    expect(unpacking.leftOut).toEqual([
      {
        member: name,
        nameSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        byteOffset: 0,
        code: "ARC_UNSAFE_PATH",
        message: expect.stringMatching(/./),
      },
    ]);
  });

  it.each([
    ["a symbolic link", 0o120777],
    ["a character device", 0o020644],
    ["a block device", 0o060644],
    ["a named pipe", 0o010644],
    ["a socket", 0o140644],
  ])("case 18: leaves out %s", async (what, mode) => {
    const { unpacking, files } = await unpacked(
      makeZip([{ name: "a", content: "../../etc/passwd", mode }, good]).all,
    );
    expect(files).toEqual(goodFile);
    expect(unpacking.leftOut).toEqual([
      expect.objectContaining({ member: "a", code: "ARC_NOT_A_FILE", message: `it is ${what}` }),
    ]);
  });

  it("case 20: stops a member that unpacks to more than 200 times its bytes", async () => {
    const zeros = Buffer.alloc(8 * 2 ** 20);
    const { unpacking, files } = await unpacked(
      makeZip([{ name: "bomb", content: zeros }, good]).all,
    );
    expect(files).toEqual(goodFile);
    expect(unpacking.leftOut).toEqual([
      expect.objectContaining({ member: "bomb", code: "ARC_BOMB" }),
    ]);
  });

  it("case 20: stops an archive that unpacks to more than the limit", async () => {
    await using folder = await UnpackedFolder.create();
    const members = ["a", "b", "c"].map((name) => ({ name, content: name.repeat(600) }));
    await expect(
      folder.unpack(makeZip(members).all, { limits: { maxTotalBytes: 1000 } }),
    ).rejects.toMatchObject({ code: "ARC_BOMB" });
    expect(Object.keys(await folder.files())).toEqual(["out/a"]);
  });

  it("case 20: does not open an archive inside the archive", async () => {
    const inner = makeZip([{ name: "../../outside.txt", content: "evil" }]).all;
    const { unpacking, files } = await unpacked(
      makeZip([{ name: "inner.zip", content: inner, method: 0 }]).all,
    );
    expect(Object.keys(files)).toEqual(["out/inner.zip"]);
    expect(unpacking.numLeftOut).toBe(0);
  });

  it.each([
    ["a smaller size than it has", { ...good, name: "bad", sizeBytes: 3 }],
    ["a larger size than it has", { ...good, name: "bad", sizeBytes: 300 }],
    ["another CRC-32", { ...good, name: "bad", crc: 1 }],
    ["data that are no deflate", { ...good, name: "bad", packed: Buffer.from("\xff\xff\xff") }],
    [
      "data that end early",
      { ...good, name: "bad", packed: Buffer.concat([deflateRawSync("[1, 2]"), Buffer.alloc(9)]) },
    ],
  ])("case 21: leaves out a member with %s", async (_, member) => {
    const { unpacking, files } = await unpacked(makeZip([member, good]).all);
    expect(files).toEqual(goodFile);
    expect(unpacking.leftOut).toEqual([
      expect.objectContaining({ member: "bad", code: "ARC_CRC" }),
    ]);
  });

  const other = { name: "other.json", content: "{}" };
  const hidden = makeZip([{ name: "hidden.json", content: "{}" }]).all;
  const { locals, directory, end } = makeZip([good, other]);
  it.each([
    ["overlapping members", makeZip([good, { ...good, name: good.name, sameAs: 0 }]).all],
    ["two names of one member", makeZip([{ ...good, localName: "annotations/evil.json" }]).all],
    ["two directories", Buffer.concat([locals, directory, directory, end])],
    ["another zip file before it", Buffer.concat([hidden, makeZip([good]).all])],
    ["another zip file after it", Buffer.concat([makeZip([good]).all, hidden])],
    [
      "an end in the comment of its end",
      makeZip(
        [good],
        zipEnd({ numEntries: 0, directoryBytes: 0, start: 0, comment: "" }).toString("latin1"),
      ).all,
    ],
    [
      "a directory that its end does not count",
      Buffer.concat([
        locals,
        directory,
        zipEnd({
          numEntries: 1,
          directoryBytes: directory.length,
          start: locals.length,
          comment: "",
        }),
      ]),
    ],
    [
      "a member that no directory lists",
      Buffer.concat([
        locals,
        makeZip([good]).directory,
        zipEnd({
          numEntries: 1,
          directoryBytes: makeZip([good]).directory.length,
          start: locals.length,
          comment: "",
        }),
      ]),
    ],
  ])("case 22: refuses a whole archive with %s", async (_, bytes) => {
    await using folder = await UnpackedFolder.create();
    await expect(folder.unpack(bytes)).rejects.toMatchObject({ code: "ARC_AMBIGUOUS" });
    expect(await folder.files()).toEqual({});
  });

  it("case 23: keeps the complete members of a cut archive and says where it ends", async () => {
    const cut = locals.subarray(0, locals.length - 2);
    const { unpacking, files } = await unpacked(cut);
    expect(files).toEqual(goodFile);
    const { locals: firstMember } = makeZip([good]);
    expect(unpacking).toMatchObject({ numFiles: 1, cutAt: firstMember.length });
  });

  it("case 23: cuts at every byte leave no half-written member", async () => {
    for (let length = 4; length < locals.length + directory.length; length += 7) {
      const bytes = Buffer.concat([locals, directory, end]).subarray(0, length);
      const { files, code } = await unpacked(bytes).then(
        ({ files: written }) => ({ files: written, code: "ARC_TRUNCATED" }),
        (error: unknown) => ({ files: {}, code: errnoOf(error) }),
      );
      expect(code).toMatch(/^ARC_/);
      expect({ ...goodFile, "out/other.json": "{}" }).toMatchObject(files);
    }
  });

  it("case 23: says of a file that is no zip file that it is none", async () => {
    await expect(unpacked(Buffer.from("<html>404</html>"))).rejects.toMatchObject({
      code: "ARC_CORRUPT",
    });
  });

  it.each([
    ["the same", "a/x.json", "a/x.json"],
    ["the same but for letter case", "a/X.json", "A/x.JSON"],
    ["the same but for composition", "caf\u00e9.json", "cafe\u0301.json"],
  ])("case 24: leaves out the second of two names that are %s", async (_, first, second) => {
    const { unpacking, files } = await unpacked(
      makeZip([
        { name: first, content: "first" },
        { name: second, content: "second" },
      ]).all,
    );
    expect(Object.values(files)).toEqual(["first"]);
    expect(unpacking.leftOut).toEqual([expect.objectContaining({ code: "ARC_DUP_NAME" })]);
  });

  it("case 24: leaves out a member whose folder is a file", async () => {
    const { unpacking, files } = await unpacked(
      makeZip([
        { name: "a", content: "first" },
        { name: "a/b", content: "second" },
      ]).all,
    );
    expect(files).toEqual({ "out/a": "first" });
    expect(unpacking.leftOut).toEqual([expect.objectContaining({ code: "ARC_DUP_NAME" })]);
  });

  it.each([
    ["a line end", Buffer.from("a\nb"), String.raw`a\x0ab`],
    ["an escape sequence", Buffer.from("\u001b[2Jx"), String.raw`\x1b[2Jx`],
    ["a NUL", Buffer.from("a\0b"), String.raw`a\x00b`],
    ["a bidirectional mark", Buffer.from("a\u202egpj"), String.raw`a\u202egpj`],
    ["invalid UTF-8", Buffer.from([0x61, 0xff, 0xfe]), "a\u00ff\u00fe"],
    ["4 KB", Buffer.alloc(4096, "n"), `${"n".repeat(120)}…`],
  ])("case 25: leaves out a name with %s and shows it escaped", async (_, name, shown) => {
    const { unpacking, files } = await unpacked(makeZip([{ name, content: "x" }, good]).all);
    expect(files).toEqual(goodFile);
    expect(unpacking.leftOut).toEqual([
      expect.objectContaining({ member: shown, code: "ARC_UNSAFE_PATH" }),
    ]);
  });

  it.each([
    ["encryption", { flags: 1 }, "encrypted"],
    ["AES encryption", { method: 99 }, "method 99 (AES encryption)"],
    ["LZMA", { method: 14 }, "method 14 (LZMA)"],
    ["a method nobody knows", { method: 1234 }, "method 1234 (unknown)"],
  ])("case 26: names %s, which it cannot read", async (_, fields, words) => {
    const { unpacking, files } = await unpacked(makeZip([{ ...good, ...fields }]).all);
    expect(files).toEqual({});
    expect(unpacking.leftOut).toEqual([
      expect.objectContaining({
        code: "ARC_UNSUPPORTED",
        message: expect.stringContaining(words),
      }),
    ]);
  });

  it("stops at an abort and leaves nothing unfinished", async () => {
    await using folder = await UnpackedFolder.create();
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(folder.unpack(makeZip([good]).all, { signal })).rejects.toThrow("stop");
    expect(await folder.files()).toEqual({});
  });

  it("removes what a killed call left unfinished, and writes through no link among it", async () => {
    await using folder = await UnpackedFolder.create();
    await mkdir(join(folder.out, ".crossweave-unpacking"), { recursive: true });
    await writeFile(join(folder.root, "outside"), "half");
    await link(join(folder.root, "outside"), join(folder.out, ".crossweave-unpacking/1"));
    await symlink("../../outside", join(folder.out, ".crossweave-unpacking/2"));
    await folder.unpack(makeZip([good, { name: "b", content: "b" }]).all);
    expect(await folder.files()).toEqual({ ...goodFile, "out/b": "b", outside: "half" });
  });
});
