import { gzipSync } from "node:zlib";
import { pack, type Header } from "tar-stream";
import { describe, expect, it } from "vitest";
import { unpacked, UnpackedFolder } from "./unpacked-folder.ts";

const name = "archive.tar.gz";

async function makeTar(
  members: readonly (Partial<Header> & { readonly name: string; readonly content?: string })[],
): Promise<Buffer> {
  const tar = pack();
  for (const { content = "", ...header } of members) tar.entry(header, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(Buffer.from(asBytes(chunk)));
  return Buffer.concat(chunks);
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError("tar-stream gives bytes");
}

const good = { name: "sbu/good.json", content: "[1, 2]" };
const goodFile = { "out/sbu/good.json": "[1, 2]" };

describe("a tar file", () => {
  it.each([
    ["plain", "archive.tar", (bytes: Buffer) => bytes],
    ["gzipped", name, (bytes: Buffer) => gzipSync(bytes)],
  ])("is unpacked when it is %s", async (_, archive, packed) => {
    const bytes = await makeTar([{ name: "sbu/", type: "directory" }, good]);
    const { unpacking, files } = await unpacked(packed(bytes), { name: archive });
    expect(files).toEqual(goodFile);
    expect(unpacking).toMatchObject({ numFiles: 1, numLeftOut: 0, cutAt: undefined });
  });
});

describe("hostile tar files", () => {
  it.each(["../../outside.txt", "/tmp/outside.txt", "C:\\outside.txt", "a/../../x"])(
    "case 17: leaves out the member %j and keeps the rest",
    async (hostile) => {
      const bytes = await makeTar([{ name: hostile, content: "evil" }, good]);
      const { unpacking, files } = await unpacked(gzipSync(bytes), { name });
      expect(files).toEqual(goodFile);
      expect(unpacking.leftOut).toEqual([
        expect.objectContaining({ member: hostile, code: "ARC_UNSAFE_PATH" }),
      ]);
    },
  );

  it.each([
    ["symlink", "a symbolic link"],
    ["link", "a hard link"],
    ["character-device", "a character device"],
    ["block-device", "a block device"],
    ["fifo", "a named pipe"],
  ] as const)("case 18: leaves out a member that is a %s", async (type, what) => {
    const bytes = await makeTar([{ name: "a", type, linkname: "../../etc/passwd" }, good]);
    const { unpacking, files } = await unpacked(gzipSync(bytes), { name });
    expect(files).toEqual(goodFile);
    expect(unpacking.leftOut).toEqual([
      expect.objectContaining({ member: "a", code: "ARC_NOT_A_FILE", message: `it is ${what}` }),
    ]);
  });

  it("case 20: stops a file that unpacks to more than 200 times its bytes", async () => {
    await using folder = await UnpackedFolder.create();
    const bytes = await makeTar([good, { name: "bomb", content: "\0".repeat(8 * 2 ** 20) }]);
    await expect(folder.unpack(gzipSync(bytes), { name })).rejects.toMatchObject({
      code: "ARC_BOMB",
    });
    expect(await folder.files()).toEqual(goodFile);
  });

  it("case 20: stops at a header that would fill the memory", async () => {
    const bytes = await makeTar([{ name: "a", content: "x" }]);
    bytes.write("L", 156, "latin1");
    bytes.write("77777777777\0", 124, "latin1");
    await expect(unpacked(gzipSync(bytes), { name })).rejects.toMatchObject({ code: "ARC_BOMB" });
  });

  it("case 23: keeps the complete members of a cut file and says where it ends", async () => {
    const content = Array.from({ length: 20_000 }, (_, index) => `${index * 7919}`).join();
    const bytes = gzipSync(await makeTar([good, { name: "cut", content }]));
    const { unpacking, files } = await unpacked(bytes.subarray(0, bytes.length / 2), { name });
    expect(files).toEqual(goodFile);
    expect(unpacking.numFiles).toBe(1);
    expect(unpacking.cutAt).toBeGreaterThan(1024);
  });

  it("case 23: keeps the complete members of a cut file without gzip", async () => {
    const bytes = await makeTar([good, { name: "cut", content: "x".repeat(4000) }]);
    const { unpacking, files } = await unpacked(bytes.subarray(0, 3000), { name: "archive.tar" });
    expect(files).toEqual(goodFile);
    expect(unpacking.cutAt).toBeGreaterThan(0);
  });

  it("case 24: leaves out the second of two names that differ by letter case", async () => {
    const bytes = await makeTar([good, { name: "SBU/GOOD.json", content: "second" }]);
    const { unpacking, files } = await unpacked(gzipSync(bytes), { name });
    expect(files).toEqual(goodFile);
    expect(unpacking.leftOut).toEqual([expect.objectContaining({ code: "ARC_DUP_NAME" })]);
  });

  it("says of a file that is no tar that it is none", async () => {
    const noTar = gzipSync(Buffer.alloc(2048, "<html>"));
    await expect(unpacked(noTar, { name })).rejects.toMatchObject({ code: "ARC_CORRUPT" });
  });
});
