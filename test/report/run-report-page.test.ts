import { pathToFileURL } from "node:url";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { renderRunReport } from "../../src/report/render-run-report.ts";
import { launchBrowser } from "./headless-browser.ts";
import { sampleReport } from "./sample-report.ts";

it("a browser opens the page from the disk and asks for nothing else", async () => {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "crossweave-page-"));
  opened.defer(() => rm(folder, { recursive: true }));
  const file = join(folder, "report.html");
  await writeFile(file, await renderRunReport(sampleReport()));
  const browser = opened.use(await launchBrowser());
  const page = await browser.newPage();
  const requests: string[] = [];
  const messages: string[] = [];
  page.on("request", (request) => requests.push(request.url().slice(0, 200)));
  page.on("console", (message) => messages.push(message.text()));
  const address = pathToFileURL(file).href;
  await page.goto(address);
  expect(await page.title()).toContain("Crossweave");
  expect(requests.filter((url) => !url.startsWith("data:"))).toEqual([address]);
  expect(messages).toEqual([]);
});
