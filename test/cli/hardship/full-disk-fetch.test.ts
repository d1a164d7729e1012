import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";
import { makeZip } from "../../ingest/archives/hostile-zip.ts";
import { FetchFixture } from "../../ingest/fetch/fetch-fixture.ts";
import { sends, servesRanges } from "../../ingest/network/hostile-server.ts";
import { SmallDisk } from "./small-disk.ts";

const route = "/bvisionweb1.cs.unc.edu/licheng/referit/data/refcoco.zip";
const content = Buffer.alloc(20 * 2 ** 20, "0123456789abcdef");
const zip = makeZip([{ name: "refcoco/instances.json", content, method: 0 }]).all;

async function digestOf(disk: SmallDisk, path: string): Promise<string> {
  return sha256(await readFile(disk.inside(path)));
}

describe("on a full disk", () => {
  it("case 54: fetch says how much is missing before it begins, and goes on when there is room", async () => {
    await using fixture = await FetchFixture.create({ [route]: servesRanges(zip) });
    await using disk = await SmallDisk.mount("size=24m");
    const fetch = ["fetch", "refcoco", "--mirror", fixture.server.origin, "--to", disk.path];
    expect(await disk.run(fetch)).toMatchObject({
      exitCode: 24,
      stderr: expect.stringMatching(
        /error: \d+ MB are missing on the disk of .*remedy {2}free some/s,
      ),
    });
    await disk.remount("size=80m");
    expect((await disk.run(fetch)).exitCode).toBe(0);
    expect(await digestOf(disk, "archives/refcoco/refcoco.zip")).toBe(sha256(zip));
  });

  it("case 54: fetch stops cleanly when the disk fills up under it, and goes on from there", async () => {
    // Without a length nobody can tell before how much will come.
    await using fixture = await FetchFixture.create({
      [route]: (response) => void response.writeHead(200, { etag: '"v1"' }).end(zip),
    });
    await using disk = await SmallDisk.mount("size=18m");
    const fetch = ["fetch", "refcoco", "--mirror", fixture.server.origin, "--to", disk.path];
    expect(await disk.run(fetch)).toMatchObject({
      exitCode: 24,
      stderr: expect.stringMatching(/error: .*(full|no space)/),
    });
    expect(await readdir(disk.inside("archives/refcoco"))).toEqual(["refcoco.zip.part"]);
    await disk.remount("size=80m");
    fixture.server.routes[route] = servesRanges(zip);
    expect((await disk.run(fetch)).exitCode).toBe(0);
    expect(fixture.server.requests.at(-1)?.range).toMatch(/^bytes=[1-9]\d{6,}-$/);
    expect(await digestOf(disk, "archives/refcoco/refcoco.zip")).toBe(sha256(zip));
  });

  it("fetch leaves no half of a member when an archive does not fit unpacked", async () => {
    await using fixture = await FetchFixture.create({ [route]: sends(zip) });
    await using disk = await SmallDisk.mount("size=38m");
    const fetch = ["fetch", "refcoco", "--mirror", fixture.server.origin, "--to", disk.path];
    expect(await disk.run(fetch)).toMatchObject({ exitCode: 24 });
    expect(await readdir(disk.inside("refcoco"))).toEqual(["refcoco"]);
    expect(await readdir(disk.inside("refcoco/refcoco"))).toEqual([]);
    await disk.remount("size=80m");
    expect((await disk.run(fetch)).exitCode).toBe(0);
    expect(await digestOf(disk, "refcoco/refcoco/instances.json")).toBe(sha256(content));
    expect(fixture.server.requests).toHaveLength(1);
  });

  it("fetch unpacks to where a folder is a link to another disk", async () => {
    await using fixture = await FetchFixture.create({ [route]: sends(zip) });
    await using disk = await SmallDisk.mount("size=80m");
    await mkdir(join(fixture.root, "other-disk"));
    await mkdir(disk.inside("refcoco"));
    await symlink(join(fixture.root, "other-disk"), disk.inside("refcoco/refcoco"));
    const fetch = ["fetch", "refcoco", "--mirror", fixture.server.origin, "--to", disk.path];
    expect((await disk.run(fetch)).exitCode).toBe(0);
    expect(await readdir(join(fixture.root, "other-disk"))).toEqual(["instances.json"]);
    expect(await readdir(disk.inside("refcoco"))).toEqual(["refcoco"]);
  });
});
