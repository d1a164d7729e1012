import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";
import type { SplitRole, StoredPicture } from "../../../src/core/records.ts";
import { commitSplit } from "../../loader/shard-set-fixture.ts";
import { SplitWriter } from "../../../src/shards/split-writer.ts";
import { launchBrowser } from "../../report/headless-browser.ts";
import { madeUpPicture } from "../../shards/scenes.ts";

const launcher = join(import.meta.dirname, "../../../bin/crossweave.mjs");
let folder = "";
let browser: Browser;

const url = "https://example.org/stairs.jpg";
const script = "<script>alert(1)</script>";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-review-"));
  await writeSet("trained", "train", [
    await picture(1, "#c03030", { key: "vg:1", url }),
    await picture(2, "#30c030", { key: `vcr:${script}`, path: `${script}.jpg` }),
    await picture(3, "#3030c0", { key: "vg:3" }),
  ]);
  await writeSet("tested", "eval", [
    await picture(11, "#c0c030", { key: "coco:11", url }),
    await picture(12, "#30c030", { key: `vcr:${script}`, path: `${script}.jpg` }),
    { ...madeUpPicture(13), key: "coco:13", url: null },
  ]);
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** A picture of one colour that can be decoded. */
async function picture(
  id: number,
  background: string,
  named: Partial<StoredPicture>,
): Promise<StoredPicture> {
  const create = { width: 64, height: 48, channels: 3, background } as const;
  const bytes = await sharp({ create }).jpeg().toBuffer();
  const digest = sha256(bytes);
  return {
    ...madeUpPicture(id, 10),
    url: null,
    flickrPhotoId: null,
    linkedKeys: [],
    sha256: digest,
    sourceSha256: digest,
    bytes,
    ...named,
  };
}

async function writeSet(
  name: string,
  role: SplitRole,
  pictures: readonly StoredPicture[],
): Promise<void> {
  const out = join(folder, name);
  await using writer = await SplitWriter.create({ folder: out, split: role, role });
  for (const its of pictures) {
    await writer.append({ sceneKey: its.key, pictures: [its], texts: [], regions: null });
  }
  await commitSplit(out, await writer.finish(), name);
}

function audit(...more: readonly string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  const args = ["audit", "trained", "tested", "--no-near", ...more];
  const env = { ...process.env, NO_COLOR: "1", CROSSWEAVE_CACHE: join(folder, "cache") };
  return spawnSync(process.execPath, [launcher, ...args], { cwd: folder, encoding: "utf8", env });
}

const results = ["--report", "out/audit.html", "--sarif", "out/a.sarif", "--junit", "out/a.xml"];

describe("the review of an audit", () => {
  it("leads from the report through the keyboard to a list that the next audit follows", async () => {
    expect(audit(...results).status).toBe(20);
    const page = await browser.newPage({ offline: true });
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("dialog", (dialog) => void dialog.dismiss().then(() => said.push("dialog")));
    await page.goto(pathToFileURL(join(folder, "out/audit.html")).href);
    expect(await page.locator(".pair").count()).toBe(2);
    expect(await page.locator(".pair img").count()).toBe(4);
    expect(await page.locator(".pair").nth(1).innerText()).toContain(`vcr:${script}`);
    await page.keyboard.press("r"); // the pair of one address: not the same picture
    await page.keyboard.press("r"); // the pair of one key: a fact
    expect(await page.locator("#status").innerText()).toContain("it stays a leak");
    const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("s")]);
    await download.saveAs(join(folder, "decisions.json"));
    await page.close();
    expect(said).toEqual([]);

    const after = audit("--decisions", "decisions.json", "--json");
    expect(after.status).toBe(20);
    const { notes, verdict } = JSON.parse(after.stdout);
    expect(verdict.leaks).toMatchObject([{ rule: "same-key" }]);
    expect(verdict.exclusions.count).toBe(1);
    expect(verdict.review).toMatchObject({
      numAllowed: 1,
      allowed: [{ rule: "same-url", train: { picture: "vg:1" }, eval: { picture: "coco:11" } }],
    });
    expect(notes).toEqual(["1 pair is no leak because decisions.json says so"]);
  });

  it("says loudly that a pair which key, bytes or pixels prove stays a leak", async () => {
    const list = {
      auditDigest: "0",
      decisions: [
        { decision: "allow", eval: `vcr:${script}`, note: "", rule: "x", train: `vcr:${script}` },
        { decision: "deny", eval: "coco:13", note: "seen twice", rule: "x", train: "vg:3" },
        { decision: "deny", eval: "coco:13", note: "", rule: "x", train: "coco:11" },
      ],
      format: "crossweave-decisions",
      version: 1,
    };
    await writeFile(join(folder, "stubborn.json"), JSON.stringify(list));
    const { status, stdout } = audit("--decisions", "stubborn.json");
    expect(status).toBe(20);
    expect(stdout).toContain(
      "note: 1 pair stays a leak although stubborn.json says otherwise: key,",
    );
    expect(stdout).toContain("note: 1 pair is a leak because stubborn.json says so");
    expect(stdout).toContain("a person says that vg:3 is coco:13: seen twice");
    expect(stdout).toContain("note: 1 decision of stubborn.json on pictures that are not on their");
  });

  it("writes the same bytes each time, over its own files only", async () => {
    audit(...results);
    const files = ["out/audit.html", "out/a.sarif", "out/a.xml"].map((file) => join(folder, file));
    const first = await Promise.all(files.map((file) => readFile(file, "utf8")));
    expect(audit(...results).status).toBe(20);
    expect(await Promise.all(files.map((file) => readFile(file, "utf8")))).toEqual(first);
    await writeFile(join(folder, "thesis.html"), "my only copy");
    const refused = audit("--report", "thesis.html");
    expect(refused.status).toBe(25);
    expect(refused.stderr).toContain("thesis.html exists and is no --report of an audit");
    expect(await readFile(join(folder, "thesis.html"), "utf8")).toBe("my only copy");
  });

  it("is no part of an audit of annotation files", () => {
    const args = [launcher, "audit", "--annotations", ".", "--report", "x.html"];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", cwd: folder });
    expect(status).toBe(2);
    expect(stderr).toContain("--report goes with shard sets, not with --annotations");
  });

  it("writes nothing in a dry run, and refuses a list that is none or is not there", async () => {
    expect(audit("--dry-run", "--report", "dry.html").status).toBe(20);
    await expect(readFile(join(folder, "dry.html"))).rejects.toThrow("ENOENT");
    expect(audit("--decisions", "nowhere.json").stderr).toContain(
      "nowhere.json: cannot be read (it is not there)",
    );
    const { status, stderr } = audit("--decisions", "trained/index.json");
    expect(status).toBe(23);
    expect(stderr).toContain("trained/index.json: no allow/deny list");
  });
});
