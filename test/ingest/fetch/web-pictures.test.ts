import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";
import { fetchWebPictures } from "../../../src/ingest/fetch/web-pictures.ts";
import { answers, drops, redirectsTo, type Route, sends } from "../network/hostile-server.ts";
import { FetchFixture } from "./fetch-fixture.ts";

import { fetchList, linesOf, outcomeOf, storedAs } from "./picture-runs.ts";

let jpeg: Buffer;
let png: Buffer;
beforeAll(async () => {
  const drawn = sharp({ create: { width: 8, height: 8, channels: 3, background: "#c81e1e" } });
  jpeg = await drawn.jpeg().toBuffer();
  png = await drawn.png().toBuffer();
});

describe("the pictures of a list", () => {
  it("are stored under the digest of their URL, with the extension of their content", async () => {
    await using fixture = await FetchFixture.create({
      "/a.png": sends(jpeg),
      "/b?id=2": sends(png),
      "/c": sends(gzipSync(jpeg), { "content-encoding": "gzip" }),
    });
    const urls = ["/a.png", "/b?id=2", "/c"].map((path) => fixture.url(path));
    const summary = await fetchList(fixture, [...urls, ...urls]);
    expect(summary).toMatchObject({ numUrls: 3, numFetched: 3, numFinal: 0, numLater: 0 });
    const files = await fixture.files();
    const [a = "", b = "", c = ""] = urls;
    expect(files[`downloads/${storedAs(a, "jpg")}`]).toBe(jpeg.toString("latin1"));
    expect(files[`downloads/${storedAs(b, "png")}`]).toBe(png.toString("latin1"));
    expect(files[`downloads/${storedAs(c, "jpg")}`]).toBe(jpeg.toString("latin1"));
    expect((await linesOf(fixture)).map(({ url }) => url).toSorted()).toEqual(urls.toSorted());
  });

  it("are found there by the next run, which asks for nothing", async () => {
    await using fixture = await FetchFixture.create({ "/a": sends(jpeg) });
    await fetchList(fixture, [fixture.url("/a")]);
    const numRequests = fixture.server.requests.length;
    expect(await fetchList(fixture, [fixture.url("/a")])).toMatchObject({ numThere: 1 });
    expect(fixture.server.requests).toHaveLength(numRequests);
  });

  it.each([
    ["list.tsv", (url: string) => `a caption\t${url}\n`],
    ["list.json", (url: string) => JSON.stringify({ image_urls: [url], captions: ["a"] })],
    ["list.jsonl", (url: string) => `${JSON.stringify({ url, sha256: sha256(jpeg) })}\n`],
    ["list.txt", (url: string) => `${url}\r\n`],
  ])("may be named by %s", async (list, textOf) => {
    await using fixture = await FetchFixture.create({ "/a": sends(jpeg) });
    await writeFile(join(fixture.root, list), textOf(fixture.url("/a")));
    expect(await fetchList(fixture, [], { list })).toMatchObject({ numUrls: 1, numFetched: 1 });
    await writeFile(join(fixture.root, `${list}.gz`), gzipSync(textOf(fixture.url("/a"))));
    expect(await fetchList(fixture, [], { list: `${list}.gz` })).toMatchObject({ numThere: 1 });
  });

  it("are tried again by the next run when the fault may pass, three runs long", async () => {
    await using fixture = await FetchFixture.create({ "/a": answers(503) });
    const urls = [fixture.url("/a")];
    expect(await fetchList(fixture, urls)).toMatchObject({ numLater: 1 });
    expect(await linesOf(fixture)).toMatchObject([{ state: "later", code: "NET_BUSY" }]);
    fixture.server.routes["/a"] = sends(jpeg);
    expect(await fetchList(fixture, urls)).toMatchObject({ numFetched: 1 });
    fixture.server.routes["/b"] = answers(503);
    const dead = [fixture.url("/b")];
    await fetchList(fixture, dead);
    await fetchList(fixture, dead);
    expect(await fetchList(fixture, dead)).toMatchObject({ numFinal: 1, numLater: 0 });
  });

  it("are not tried again when they are gone, unless it is asked for", async () => {
    await using fixture = await FetchFixture.create({ "/a": answers(404) });
    const urls = [fixture.url("/a")];
    await fetchList(fixture, urls);
    fixture.server.routes["/a"] = sends(jpeg);
    expect(await fetchList(fixture, urls)).toMatchObject({ numFinal: 1 });
    expect(fixture.server.visits("/a")).toBe(1);
    expect(await fetchList(fixture, urls, { retryFailed: true })).toMatchObject({ numFetched: 1 });
  });

  it("that many URLs share are named: they may be placeholders", async () => {
    const paths = Array.from({ length: 20 }, (_, index) => `/${index}`);
    await using fixture = await FetchFixture.create(
      Object.fromEntries(paths.map((path) => [path, sends(png)])),
    );
    const { repeated } = await fetchList(
      fixture,
      paths.map((path) => fixture.url(path)),
    );
    expect(repeated).toEqual([{ sha256: sha256(png), count: 20, url: expect.any(String) }]);
  });
});

describe("hostile lists and servers", () => {
  it.each([
    ["http://127.0.0.1:1/", "NET_PRIVATE"],
    ["http://169.254.169.254/latest/meta-data", "NET_PRIVATE"],
    ["http://0x7f.1/", "NET_PRIVATE"],
    ["file:///etc/passwd", "NET_SCHEME"],
    ["ftp://example.org/a.jpg", "NET_SCHEME"],
    ["http://user:secret@example.org/a.jpg", "NET_CREDENTIALS"],
    ["not a url", "NET_URL"],
    ["\u001b[2J", "NET_URL"],
  ])("case 47: %j is refused as %s, and nothing is asked", async (url, code) => {
    await using fixture = await FetchFixture.create();
    const summary = await fetchList(fixture, [url]);
    expect(summary).toMatchObject({ numUrls: 1, numFinal: 1 });
    expect(await linesOf(fixture)).toMatchObject([{ url, state: "final", code }]);
    expect(fixture.server.requests).toEqual([]);
  });

  it.each([
    ["a circle", redirectsTo("/a"), "NET_REDIRECT"],
    ["a private address", redirectsTo("http://192.168.0.1/"), "NET_PRIVATE"],
    ["another scheme", redirectsTo("file:///etc/passwd"), "NET_SCHEME"],
  ])("case 48: a redirect to %s is refused", async (_, route, code) => {
    expect(await outcomeOf(route)).toMatchObject({ state: "final", code, files: [] });
  });

  it("case 49: bodies that are endless, huge once unpacked, or cut leave nothing behind", async () => {
    const endless: Route = (response) => {
      response.writeHead(200, { "content-type": "image/jpeg" });
      response.write(jpeg);
      const chunk = Buffer.alloc(2 ** 20);
      const write = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", write);
      write();
    };
    expect(await outcomeOf(endless)).toMatchObject({ code: "NET_TOO_LARGE", files: [] });
    const bomb = sends(gzipSync(Buffer.alloc(40 * 2 ** 20)), { "content-encoding": "gzip" });
    expect(await outcomeOf(bomb)).toMatchObject({ code: "NET_TOO_LARGE", files: [] });
    const cut = await outcomeOf(drops(jpeg, 100));
    expect(cut).toMatchObject({ state: "later", code: "NET_CONNECTION", files: [] });
  });

  it.each([
    [
      "a page",
      sends("<!doctype html><p>gone", { "content-type": "image/jpeg" }),
      "NET_PLACEHOLDER",
    ],
    ["text", sends("photo no longer available"), "IMG_NOT_IMAGE"],
    ["nothing", sends(""), "IMG_EMPTY"],
    ["an SVG", sends("<svg xmlns='http://www.w3.org/2000/svg'/>"), "IMG_FORMAT_NOT_ALLOWED"],
  ])("case 50: %s in place of a picture is told from one", async (_, route, code) => {
    expect(await outcomeOf(route)).toMatchObject({ state: "final", code, files: [] });
  });

  it("case 50: what a server sends for a photo that is gone is known by where it lies", async () => {
    await using fixture = await FetchFixture.create({
      "/a": redirectsTo("/images/photo_unavailable.png"),
      "/images/photo_unavailable.png": sends(png),
    });
    await fetchList(fixture, [fixture.url("/a")]);
    expect(await linesOf(fixture)).toMatchObject([{ state: "final", code: "NET_PLACEHOLDER" }]);
  });

  it("case 50: a known placeholder is none of the pictures", async () => {
    await using fixture = await FetchFixture.create({ "/a": sends(png) });
    const list = join(fixture.root, "list.txt");
    await writeFile(list, fixture.url("/a"));
    const summary = await fixture.run((context) =>
      fetchWebPictures(
        {
          ...fixture.webContext(context),
          placeholders: { sha256: new Set([sha256(png)]), paths: [] },
        },
        { dataset: "sbu", lists: [list], retryFailed: false, lookAhead: 2 },
      ),
    );
    expect(summary.outcomes).toEqual([{ state: "final", code: "NET_PLACEHOLDER", count: 1 }]);
  });

  it("case 51: a picture that changed since it was listed or fetched is not taken", async () => {
    await using fixture = await FetchFixture.create({ "/a": sends(jpeg) });
    const url = fixture.url("/a");
    await fetchList(fixture, [url]);
    await rm(join(fixture.folder, storedAs(url, "jpg")));
    fixture.server.routes["/a"] = sends(png);
    await fetchList(fixture, [url]);
    expect(await linesOf(fixture)).toMatchObject([{ state: "final", code: "NET_HASH_MISMATCH" }]);
    await fetchList(fixture, [url], { retryFailed: true });
    expect(await linesOf(fixture)).toMatchObject([{ state: "final", code: "NET_HASH_MISMATCH" }]);
    await fetchList(fixture, [url], { retryFailed: true, trustNew: true });
    expect(await linesOf(fixture)).toMatchObject([{ state: "done", path: storedAs(url, "png") }]);
    const listed = JSON.stringify({ url: fixture.url("/b"), sha256: sha256(jpeg) });
    fixture.server.routes["/b"] = sends(png);
    await writeFile(join(fixture.root, "curated.jsonl"), listed);
    expect(await fetchList(fixture, [], { list: "curated.jsonl" })).toMatchObject({ numFinal: 1 });
  });

  it("case 52: robots.txt is read before anything else, once, and obeyed", async () => {
    await using fixture = await FetchFixture.create({
      "/robots.txt": sends("User-agent: crossweave\nDisallow: /private/"),
      "/private/a": sends(jpeg),
      "/b": sends(jpeg),
      "/c": redirectsTo("/private/a"),
    });
    const urls = ["/private/a", "/b", "/c"].map((path) => fixture.url(path));
    expect(await fetchList(fixture, urls)).toMatchObject({ numFetched: 1, numFinal: 2 });
    expect(fixture.server.requests[0]?.path).toBe("/robots.txt");
    expect(fixture.server.visits("/robots.txt")).toBe(1);
    expect(fixture.server.visits("/private/a")).toBe(0);
    const codes = (await linesOf(fixture)).map(({ code }) => code);
    expect(codes.toSorted()).toEqual(["", "NET_ROBOTS", "NET_ROBOTS"]);
  });

  it("case 52: a robots.txt that a server cannot give just now is waited for", async () => {
    await using fixture = await FetchFixture.create({
      "/robots.txt": answers(503),
      "/a": sends(jpeg),
    });
    expect(await fetchList(fixture, [fixture.url("/a")])).toMatchObject({ numLater: 1 });
    expect(fixture.server.visits("/a")).toBe(0);
    fixture.server.routes["/robots.txt"] = answers(403);
    expect(await fetchList(fixture, [fixture.url("/a")])).toMatchObject({ numFetched: 1 });
  });

  it.each([
    ["noai", true],
    ["noimageai", true],
    ["noindex, nofollow", true],
    ["NoImageIndex", true],
    ["noml", true],
    ["none", true],
    ["crossweave: noai", true],
    ["otherbot: noai", false],
    ["nosnippet, max-image-preview:large", false],
    ["unavailable_after: 25 Jun 2010 15:00:00 PST", false],
  ])("case 52: X-Robots-Tag: %s keeps a picture from us: %s", async (tag, isKept) => {
    const outcome = await outcomeOf(sends(jpeg, { "x-robots-tag": tag }));
    expect(outcome.code).toBe(isKept ? "NET_OPT_OUT" : "");
    expect(outcome.files).toHaveLength(isKept ? 0 : 1);
  });

  it("case 52: TDM-Reservation: 1 keeps a picture from us", async () => {
    expect(await outcomeOf(sends(jpeg, { "tdm-reservation": "1" }))).toMatchObject({
      code: "NET_OPT_OUT",
      state: "final",
      message: 'its publisher says "TDM-Reservation: 1"',
    });
  });

  it.each([
    [401, "final"],
    [403, "final"],
    [404, "final"],
    [410, "final"],
    [429, "later"],
    [500, "later"],
    [503, "later"],
  ])("case 52: a status of %i is %s", async (status, state) => {
    expect(await outcomeOf(answers(status))).toMatchObject({ state });
  });

  it("case 52: a server that asks for time gets it", async () => {
    await using fixture = await FetchFixture.create({
      "/a": (response, request, visit) =>
        (visit === 1 ? answers(429, { "retry-after": "11" }) : sends(jpeg))(
          response,
          request,
          visit,
        ),
    });
    expect(await fetchList(fixture, [fixture.url("/a")])).toMatchObject({ numFetched: 1 });
    expect(fixture.clock.sleepsMs).toEqual([11_000]);
  });

  it("stops at an abort, and the next run goes on", async () => {
    await using fixture = await FetchFixture.create({ "/b": sends(jpeg) });
    const stop = new AbortController();
    fixture.server.routes["/a"] = () => stop.abort(new Error("stop"));
    const list = join(fixture.root, "list.txt");
    await writeFile(list, `${fixture.url("/b")}\n${fixture.url("/a")}`);
    const options = { dataset: "sbu", lists: [list], retryFailed: false, lookAhead: 1 };
    const run = fixture.run((context) => fetchWebPictures(fixture.webContext(context), options), {
      signal: stop.signal,
    });
    await expect(run).rejects.toThrow("stop");
    fixture.server.routes["/a"] = sends(jpeg);
    const next = fixture.run((context) => fetchWebPictures(fixture.webContext(context), options));
    expect(await next).toMatchObject({ numThere: 1, numFetched: 1 });
  });
});
