import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ListedPicture, readPictureList } from "../../../src/ingest/fetch/picture-list.ts";
import { realData } from "../../real-data.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-list-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function listOf(name: string, content: string | Uint8Array): Promise<ListedPicture[]> {
  await writeFile(join(folder, name), content);
  return Array.fromAsync(readPictureList(join(folder, name)));
}

describe("the real lists", () => {
  it("of Conceptual Captions name 10,000 pictures on the web", async () => {
    const path = realData("conceptual_captions/Validation_GCC-1.1.0-Validation.first10000.tsv.gz");
    const urls = (await Array.fromAsync(readPictureList(path))).map(({ url }) => url);
    expect(urls).toHaveLength(10_000);
    expect(urls.filter((url) => !/^https?:\/\/\S+$/.test(url))).toEqual([]);
  });

  it("of SBU name photographs of Flickr", async () => {
    const path = realData("sbu/sbu-captions-all.first5.json");
    const urls = (await Array.fromAsync(readPictureList(path))).map(({ url }) => url);
    expect(urls).toHaveLength(5);
    expect(urls.every((url) => url.startsWith("http://static.flickr.com/"))).toBe(true);
  });
});

describe("a list", () => {
  it("may have CRLF, blank lines, no end of its last line, and captions with anything but tabs", async () => {
    const text =
      'a "caption", quoted\thttp://a.org/1\r\n\r\n\u4e00\thttp://a.org/2\n<b>\thttp://a.org/3';
    expect((await listOf("odd.tsv", text)).map(({ url }) => url)).toEqual([
      "http://a.org/1",
      "http://a.org/2",
      "http://a.org/3",
    ]);
  });

  it("that is damaged says where", async () => {
    await expect(
      listOf("bad.jsonl", '{"url": "http://a.org/"}\n{"uri": 1}\n'),
    ).rejects.toMatchObject({
      code: "SOURCE",
      record: "line 2",
    });
    const cut = gzipSync("http://a.org/1\n".repeat(1000)).subarray(0, 40);
    await expect(listOf("cut.txt.gz", cut)).rejects.toMatchObject({ code: "SOURCE" });
    await expect(listOf("none.json", '{"captions": []}')).rejects.toMatchObject({ code: "SOURCE" });
    await expect(listOf("list.xlsx", "")).rejects.toMatchObject({ code: "CONFIG" });
  });

  it("with a line of 5 MB does not fill the memory", async () => {
    const found = await listOf("long.txt", `${"x".repeat(5_000_000)}\nhttp://a.org/2\n`);
    expect(found.map(({ url }) => url.length)).toEqual([expect.any(Number), 14]);
    expect(found[0]?.url.length).toBeLessThan(2_000_000);
  });
});
