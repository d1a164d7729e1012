import { createHash } from "node:crypto";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";
import { requireFreeSpace } from "../../../src/ingest/fetch/free-space.ts";
import {
  answers,
  drops,
  redirectsTo,
  type Route,
  sends,
  servesRanges,
} from "../network/hostile-server.ts";
import { FetchFixture } from "./fetch-fixture.ts";

import { body, fetchOne, stateOf, target, whole } from "./one-file.ts";

function md5(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex");
}

function base64(algorithm: string): string {
  return createHash(algorithm).update(body).digest("base64");
}

describe("a file", () => {
  it("is fetched, compared, and found there by the next run", async () => {
    await using fixture = await FetchFixture.create({ "/a.zip": servesRanges(body) });
    const fetched = { sizeBytes: body.length, sha256: sha256(body) };
    const wanted = { md5: md5(body), sizeBytes: body.length };
    expect(await fetchOne(fixture, { wanted })).toEqual({
      ...fetched,
      outcome: "fetched",
      proof: "the publisher's MD5",
    });
    expect(await fixture.files()).toEqual(whole);
    expect(await fetchOne(fixture, { wanted })).toMatchObject({
      ...fetched,
      outcome: "there already",
    });
    expect(fixture.server.requests).toHaveLength(1);
  });

  it("that a person has put there is taken when it is the right one, and left alone when not", async () => {
    await using fixture = await FetchFixture.create();
    await mkdir(join(fixture.folder, "archives"), { recursive: true });
    await writeFile(join(fixture.root, target), body);
    const wanted = { sha256: sha256(body) };
    expect(await fetchOne(fixture, { wanted })).toMatchObject({
      outcome: "there already",
      proof: "the publisher's SHA-256",
    });
    await writeFile(join(fixture.root, target), "mine");
    await expect(fetchOne(fixture, { wanted })).rejects.toMatchObject({
      code: "NET_HASH_MISMATCH",
    });
    expect(await fixture.files()).toEqual({ [target]: "mine" });
    expect(fixture.server.requests).toEqual([]);
  });

  it("is fetched from a mirror below the name of its host", async () => {
    await using fixture = await FetchFixture.create({
      "/files/images.example.org/zips/a.zip?v=1": servesRanges(body),
    });
    const wanted = { url: "https://images.example.org/zips/a.zip?v=1" };
    await fetchOne(fixture, { wanted, mirror: new URL(fixture.url("/files/")) });
    expect(await fixture.files()).toEqual(whole);
  });

  it("is never written through a link that stands in the place of its part", async () => {
    await using fixture = await FetchFixture.create({ "/a.zip": servesRanges(body) });
    const part = join(fixture.root, `${target}.part`);
    await mkdir(dirname(part), { recursive: true });
    await writeFile(join(fixture.root, "outside"), "precious");
    await symlink(join(fixture.root, "outside"), part);
    await expect(fetchOne(fixture)).rejects.toMatchObject({ code: "ELOOP" });
    expect(await readFile(join(fixture.root, "outside"), "utf8")).toBe("precious");
  });
});

describe("a hostile or broken server", () => {
  it.each([
    ["503", answers(503), [expect.any(Number)]],
    ["429 with seconds", answers(429, { "retry-after": "7" }), [7000]],
    ["503 with a date", answers(503, { "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" }), [30_000]],
    ["a dropped body", drops(body, 500), [expect.any(Number)]],
    [
      "no HTTP",
      ((response) => void response.socket?.end("!")) satisfies Route,
      [expect.any(Number)],
    ],
  ])("case 52: that answers once with %s is asked again after a while", async (_, bad, sleeps) => {
    await using fixture = await FetchFixture.create({
      "/a.zip": (response, request, visit) =>
        visit === 1 ? bad(response, request, visit) : servesRanges(body)(response, request, visit),
    });
    await fetchOne(fixture);
    expect(fixture.clock.sleepsMs).toEqual(sleeps);
    expect(fixture.said).toHaveLength(1);
    expect(fixture.said[0]).toMatch(/^archives\/a\.zip: .*; trying again in \d+ s$/);
    expect(await fixture.files()).toEqual(whole);
  });

  it.each([
    ["404", answers(404), "NET_STATUS"],
    ["410", answers(410), "NET_STATUS"],
    ["401", answers(401), "NET_STATUS"],
    ["403", answers(403), "NET_STATUS"],
    ["500 all the time", answers(500), "NET_BUSY"],
    ["a Retry-After of a day", answers(503, { "retry-after": "86400" }), "NET_BUSY"],
    ["a redirect in a circle", redirectsTo("/a.zip"), "NET_REDIRECT"],
    ["a redirect to a private address", redirectsTo("http://10.0.0.1/"), "NET_PRIVATE"],
    ["a page", sends("<html>", { "content-type": "text/html" }), "NET_PLACEHOLDER"],
    ["gzip unasked", sends(gzipSync(body), { "content-encoding": "gzip" }), "NET_ENCODING"],
  ])("case 50: that answers %s leaves nothing behind", async (_, route, code) => {
    const isFinal = code !== "NET_BUSY";
    await using fixture = await FetchFixture.create({ "/a.zip": route });
    await expect(fetchOne(fixture)).rejects.toMatchObject({ code, isFinal });
    for (const text of Object.values(await fixture.files())) expect(text).toBe("");
    expect(await stateOf(fixture)).not.toContain(target);
  });

  it.each([
    ["another size", { sizeBytes: 7 }],
    ["another SHA-256", { sha256: sha256("other") }],
    ["another MD5", { md5: md5(Buffer.from("other")) }],
  ])("case 51: that sends a file of %s is not believed without --trust-new", async (_, wanted) => {
    await using fixture = await FetchFixture.create({ "/a.zip": servesRanges(body) });
    await expect(fetchOne(fixture, { wanted })).rejects.toMatchObject({
      code: "NET_HASH_MISMATCH",
      isFinal: true,
    });
    expect(await stateOf(fixture)).not.toContain(target);
    await fetchOne(fixture, { wanted, trustNew: true });
    expect(await fixture.files()).toEqual(whole);
  });

  it("case 51: that sends another file than the first time is not believed without --trust-new", async () => {
    await using fixture = await FetchFixture.create({ "/a.zip": servesRanges(body) });
    const first = await fetchOne(fixture);
    await rm(join(fixture.root, target));
    fixture.server.routes["/a.zip"] = sends("poisoned", { etag: '"v9"' });
    await expect(fetchOne(fixture)).rejects.toMatchObject({
      code: "NET_HASH_MISMATCH",
      message: expect.stringContaining(first.sha256),
    });
    expect(await stateOf(fixture)).not.toContain(target);
    await fetchOne(fixture, { trustNew: true });
    expect(await fixture.files()).toEqual({ [target]: "poisoned" });
  });

  it.each([
    ["Content-MD5", { "content-md5": base64("md5") }],
    ["x-goog-hash", { "x-goog-hash": `crc32c=AAAAAA==,md5=${base64("md5")}` }],
    ["Repr-Digest", { "repr-digest": `sha-256=:${base64("sha256")}:` }],
  ])("is held to the digest that it states in %s", async (_, headers) => {
    await using fixture = await FetchFixture.create({ "/a.zip": sends(body, headers) });
    expect(await fetchOne(fixture)).toMatchObject({ proof: "the server's digest" });
    await using broken = await FetchFixture.create({
      "/a.zip": sends(Buffer.alloc(body.length), headers),
    });
    await expect(fetchOne(broken)).rejects.toMatchObject({ code: "NET_LENGTH", isFinal: false });
    expect(await stateOf(broken)).not.toContain(target);
  });

  it("case 49: that announces more than any archive has is not begun with", async () => {
    await using fixture = await FetchFixture.create();
    fixture.server.routes["/a.zip"] = (response) => {
      response.writeHead(200, { "content-length": 2 ** 50 });
      response.write("x");
    };
    await expect(fetchOne(fixture)).rejects.toMatchObject({ code: "NET_TOO_LARGE" });
  });

  it("case 54: a disk that is too small is told before anything is fetched", async () => {
    await expect(requireFreeSpace("/tmp/not/there/yet", 2 ** 60)).rejects.toMatchObject({
      code: "INCOMPLETE",
      exitCode: 24,
      message: expect.stringMatching(/^[\d,]+ MB are missing on the disk of \//),
    });
  });
});

describe("two runs", () => {
  it("case 55: cannot fetch to one folder; the second is told who holds it", async () => {
    await using fixture = await FetchFixture.create();
    await fixture.run(async () => {
      await expect(fixture.run(() => Promise.resolve())).rejects.toMatchObject({
        code: "REFUSED",
        exitCode: 25,
        message: expect.stringContaining(`process ${process.pid} on`),
      });
    });
    await fixture.run(() => Promise.resolve());
  });
});
