import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { makeZip } from "../ingest/archives/hostile-zip.ts";
import { FetchFixture } from "../ingest/fetch/fetch-fixture.ts";
import { answers, dropsAfter, sends, servesRanges } from "../ingest/network/hostile-server.ts";
import { type EndedProgram, RunningProgram } from "./running-program.ts";

const launcher = join(import.meta.dirname, "../../bin/crossweave.mjs");
const route = "/bvisionweb1.cs.unc.edu/licheng/referit/data/refcoco.zip";
const archive = "downloads/archives/refcoco/refcoco.zip";
const instances = "downloads/refcoco/refcoco/instances.json";
const noise = randomBytes(200_000).toString("base64");
const zip = makeZip([
  { name: "refcoco/instances.json", content: noise },
  { name: "refcoco/refs(unc).p", content: "(lp0\n." },
]).all;

let fixture: FetchFixture;
beforeEach(async () => {
  fixture = await FetchFixture.create({ [route]: servesRanges(zip) });
});
afterEach(() => fixture[Symbol.asyncDispose]());

function start(...args: readonly string[]): RunningProgram {
  return new RunningProgram(launcher, ["fetch", ...args, "--to", fixture.folder]);
}

/** Fetches RefCOCO from the test's server. */
function startMirror(...args: readonly string[]): RunningProgram {
  return start("refcoco", "--mirror", fixture.server.origin, ...args);
}

const document = z.object({
  files: z.array(
    z.object({
      to: z.string(),
      fetched: z.object({ outcome: z.string(), sha256: z.string() }).optional(),
      failure: z.object({ code: z.string(), isFinal: z.boolean() }).optional(),
    }),
  ),
});

describe("crossweave fetch", () => {
  it("fetches, unpacks, tells what it did, and finds all there the next time", async () => {
    const first = await startMirror().ended;
    expect(first.exitCode).toBe(0);
    expect(first.stdout).toMatch(/^fetched: archives\/refcoco\/refcoco\.zip \(\d+\.\d KB\)\n/);
    expect(first.stdout).toMatch(/\n {2}unpacked: 2 files/);
    expect(first.stdout).toMatch(/left out: picture archives: .*train2014\.zip; --with-pictures/);
    expect(await readFile(join(fixture.root, instances), "utf8")).toBe(noise);
    const second = await startMirror("--json").ended;
    expect(second.exitCode).toBe(0);
    expect(document.parse(JSON.parse(second.stdout)).files).toMatchObject([
      { to: "archives/refcoco/refcoco.zip", fetched: { outcome: "there already" } },
    ]);
    expect(fixture.server.requests).toHaveLength(1);
  });

  it("says with --dry-run what it would fetch, and does nothing", async () => {
    const { exitCode, stdout } = await start("coco", "flickr30k", "--dry-run").ended;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/fetch {2}archives\/coco\/annotations_trainval2014\.zip {2}252\.9 MB/);
    expect(stdout).toMatch(/by hand: flickr30k: .*form/);
    expect(existsSync(fixture.folder)).toBe(false);
  });

  it("ends with 23 when the publisher has no such file, and says where to look", async () => {
    fixture.server.routes[route] = answers(404);
    const { exitCode, stdout } = await startMirror().ended;
    expect(exitCode).toBe(23);
    expect(stdout).toMatch(
      /failed: archives\/refcoco\/refcoco\.zip: NET_STATUS: the server answered 404/,
    );
  });

  it("ends with 24 when the same command may get it later", async () => {
    fixture.server.routes[route] = answers(503, { "retry-after": "86400" });
    const { exitCode, stdout } = await startMirror("--json").ended;
    expect(exitCode).toBe(24);
    expect(document.parse(JSON.parse(stdout)).files).toMatchObject([
      { failure: { code: "NET_BUSY", isFinal: false } },
    ]);
  });

  it("ends with 23 and the page to ask at while files are missing that only a person can get", async () => {
    const { exitCode, stdout } = await start("vcr").ended;
    expect(exitCode).toBe(23);
    expect(stdout).toMatch(
      /by hand: vcr: .*\n {2}ask at https:\/\/visualcommonsense\.com\/download\//,
    );
    await mkdir(join(fixture.folder, "vcr/vcr1images"), { recursive: true });
    for (const part of ["train", "val", "test"])
      await writeFile(join(fixture.folder, `vcr/${part}.jsonl`), "");
    expect((await start("vcr").ended).exitCode).toBe(0);
  });

  it("refuses datasets, mirrors and numbers that are none", async () => {
    expect(await start("cocoa").ended).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('there is no dataset "cocoa" to fetch'),
    });
    for (const mirror of ["ftp://a.org", "http://user:secret@a.org", "nonsense"]) {
      const { exitCode, stderr } = await start("refcoco", "--mirror", mirror).ended;
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining("without credentials")]);
    }
    expect((await start("refcoco", "--per-host", "0").ended).exitCode).toBe(2);
  });

  it("case 47: never fetches a list's pictures from this machine or its network", async () => {
    const list = join(fixture.root, "list.txt");
    await writeFile(
      list,
      `${fixture.url("/a.jpg")}\nhttp://169.254.169.254/\nfile:///etc/passwd\n`,
    );
    const plan = await start("sbu", "--pictures", list, "--dry-run").ended;
    expect([plan.exitCode, plan.stdout]).toEqual([0, expect.stringContaining("fetch  3 URLs of")]);
    const { exitCode, stdout } = await start("sbu", "--pictures", list).ended;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/3 URLs: 0 fetched, 0 there already, 3 not to be had/);
    expect(stdout).toMatch(/NET_PRIVATE {2}2 {2}final\n {2}NET_SCHEME {3}1 {2}final/);
    const lines = (await readFile(join(fixture.folder, "sbu/pictures.jsonl"), "utf8")).split("\n");
    expect(lines).toHaveLength(4);
    expect(fixture.server.requests).toEqual([]);
    const mirrored = await startMirror("--pictures", list).ended;
    expect([mirrored.exitCode, mirrored.stderr]).toEqual([
      2,
      expect.stringContaining("no --mirror"),
    ]);
  });

  it("case 55: refuses a folder in which another fetch works, and says which process does", async () => {
    fixture.server.routes[route] = (response) => {
      response.writeHead(200, { "content-length": zip.length, etag: '"v1"' });
      response.write(zip.subarray(0, 1000));
    };
    const first = startMirror();
    await fixture.hasBytes(`${archive}.part`, 1000);
    const second = await startMirror().ended;
    expect(second.exitCode).toBe(25);
    expect(second.stderr).toMatch(/is in use: process \d+ on .* fetches to it/);
    first.child.kill("SIGINT");
    expect(await first.ended).toMatchObject({
      exitCode: 130,
      stderr: expect.stringContaining("the same command goes on"),
    });
    fixture.server.routes[route] = servesRanges(zip);
    expect((await startMirror().ended).exitCode).toBe(0);
    expect(fixture.server.requests.at(-1)?.range).toBe("bytes=1000-");
  });
});

/** Kills a run once `isTime` says so. */
async function killWhen(isTime: () => Promise<void>): Promise<EndedProgram> {
  const running = startMirror();
  await isTime();
  running.child.kill("SIGKILL");
  return running.ended;
}

describe("SIGKILL", () => {
  it("case 54: while a file comes costs nothing that was there, and the bytes are the same", async () => {
    const part = `${archive}.part`;
    const piece = Math.ceil(zip.length / 4);
    for (let kill = 1; kill <= 3; kill += 1) {
      // The server goes on from where it is asked and then holds its breath until the client is dead.
      const gone = Promise.withResolvers<void>();
      fixture.server.routes[route] = dropsAfter(zip, piece, () => gone.promise);
      expect((await killWhen(() => fixture.hasBytes(part, kill * piece))).exitCode).toBe(null);
      gone.resolve();
      expect(existsSync(join(fixture.root, archive))).toBe(false);
    }
    fixture.server.routes[route] = servesRanges(zip);
    expect((await startMirror().ended).exitCode).toBe(0);
    expect(await readFile(join(fixture.root, archive))).toEqual(zip);
    expect(await readFile(join(fixture.root, instances), "utf8")).toBe(noise);
    expect(existsSync(join(fixture.root, part))).toBe(false);
    expect(fixture.server.requests.map(({ range }) => range)).toEqual([
      undefined,
      ...[1, 2, 3].map((kill) => `bytes=${kill * piece}-`),
    ]);
  });

  it("case 54: while an archive is unpacked leaves no half of a member, and the rest is made good", async () => {
    const members = Array.from({ length: 500 }, (_, index) => ({
      name: `refcoco/${index}.json`,
      content: `[${index}]`.repeat(50),
    }));
    fixture.server.routes[route] = sends(makeZip(members).all);
    const path = join(fixture.folder, "refcoco/refcoco/150.json");
    const { exitCode } = await killWhen(async () => {
      while (!existsSync(path)) await sleep(1);
    });
    expect(exitCode).toBe(null);
    const half = await fixture.files();
    for (const [name, text] of Object.entries(half).filter(([found]) => /\d\.json$/.test(found)))
      expect(text).toBe(`[${/(\d+)\.json$/.exec(name)?.[1]}]`.repeat(50));
    expect((await startMirror().ended).exitCode).toBe(0);
    const names = Object.keys(await fixture.files());
    expect(names.filter((name) => /\d\.json$/.test(name))).toHaveLength(500);
    expect(names.some((name) => name.includes("crossweave-unpacking"))).toBe(false);
    expect(fixture.server.requests).toHaveLength(1);
  });
});
