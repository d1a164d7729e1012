import { request } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { pageFile, PageServer } from "../../../src/cli/watching/page-places.ts";
import { ConfigError } from "../../../src/core/errors.ts";
import type { RunEvent } from "../../../src/train/run/run-events.ts";
import { temporaryFolder } from "../../loader/shard-set-fixture.ts";

const notice: RunEvent = { kind: "notice", step: 1, lines: [] };
const end: RunEvent = { kind: "end", step: 1, outcome: "complete" };

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

function asked(address: string, options: { host?: string; method?: string }): Promise<Answer> {
  const headers = options.host === undefined ? {} : { host: options.host };
  return new Promise((resolve, reject) => {
    const call = request(address, { method: options.method ?? "GET", headers }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
    });
    call.on("error", reject).end();
  });
}

describe("the server of a page", () => {
  it("shows the page as it now is to this machine, and nothing else to anybody", async () => {
    let step = 1;
    const page = { html: () => Promise.resolve(`step ${step}`) };
    await using server = await PageServer.open(0, page);
    const { address } = server;
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await asked(address, {})).toEqual({ status: 200, body: "step 1" });
    step = 2;
    expect(await asked(address, { host: "localhost:80" })).toEqual({ status: 200, body: "step 2" });
    expect(await asked(address, { host: "elsewhere.example" })).toEqual({ status: 403, body: "" });
    expect((await asked(`${address}run.json`, {})).status).toBe(404);
    expect((await asked(address, { method: "POST" })).status).toBe(404);
  });

  it("says what went wrong, and that a port is taken", async () => {
    const broken = { html: () => Promise.reject(new Error("no page")) };
    await using server = await PageServer.open(0, broken);
    expect(await asked(server.address, {})).toEqual({ status: 500, body: "Error: no page" });
    const port = Number(new URL(server.address).port);
    await expect(PageServer.open(port, broken)).rejects.toBeInstanceOf(ConfigError);
  });
});

describe("the file of a page", () => {
  it("is written where something has changed, now and then, and at the end", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "page.html");
    let nowMs = 0;
    let numWritten = 0;
    const page = { html: () => Promise.resolve(`page ${(numWritten += 1)}`) };
    const progress = { say: () => {} };
    const observe = pageFile(path, page, { now: () => nowMs, progress });
    await observe(notice);
    expect(numWritten).toBe(0);
    await observe(end);
    nowMs = 1000;
    await observe(end);
    expect(await readFile(path, "utf8")).toBe("page 2");
  });

  it("ends no run where it cannot be written", async () => {
    const said: string[] = [];
    const progress = { say: (message: string) => void said.push(message) };
    const page = { html: () => Promise.reject(new Error("no page")) };
    await pageFile("nowhere/page.html", page, { now: () => 0, progress })(end);
    expect(said).toEqual(["the page was not written: Error: no page"]);
  });
});
