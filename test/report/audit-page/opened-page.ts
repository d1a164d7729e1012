import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";

/** A page from the disk in a browser, and what it asked for and said meanwhile. */
export class OpenedPage implements AsyncDisposable {
  readonly page: Page;
  readonly sizeBytes: number;
  /** What was asked for beside the file itself and its own data. */
  readonly requests: string[] = [];
  /** Faults, and what the browser refused to run. */
  readonly messages: string[] = [];
  readonly #folder: string;

  private constructor(page: Page, folder: string, sizeBytes: number) {
    this.page = page;
    this.#folder = folder;
    this.sizeBytes = sizeBytes;
    page.on("request", (request) => {
      if (!/^(?:data|file|blob):/.test(request.url())) this.requests.push(request.url());
    });
    page.on("console", (message) => this.messages.push(message.text()));
    page.on("pageerror", (error) => this.messages.push(String(error)));
    page.on("dialog", (dialog) => {
      this.messages.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  static async open(browser: Browser, pieces: AsyncIterable<string>): Promise<OpenedPage> {
    const folder = await mkdtemp(join(tmpdir(), "crossweave-page-"));
    const file = join(folder, "audit.html");
    let sizeBytes = 0;
    const counted = async function* (): AsyncGenerator<string> {
      for await (const piece of pieces) {
        sizeBytes += Buffer.byteLength(piece);
        yield piece;
      }
    };
    await writeFile(file, counted());
    const opened = new OpenedPage(await browser.newPage({ offline: true }), folder, sizeBytes);
    // What the page's own policy let through would still be seen, and not reach a network.
    await opened.page.route(/^https?:/, (route) => {
      opened.requests.push(route.request().url());
      return route.abort();
    });
    await opened.page.goto(pathToFileURL(file).href);
    return opened;
  }

  /** Presses each of the keys. */
  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** The text that a person sees in the first element that `selector` finds. */
  async text(selector: string): Promise<string> {
    return (await this.page.locator(selector).first().innerText()).replace(/\s+/g, " ").trim();
  }

  /** The text of the file that a key or a click makes the browser save. */
  async saved(cause: () => Promise<void>): Promise<string> {
    const [download] = await Promise.all([this.page.waitForEvent("download"), cause()]);
    const pieces: string[] = [];
    for await (const piece of (await download.createReadStream()).setEncoding("utf8")) {
      pieces.push(String(piece));
    }
    return pieces.join("");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
