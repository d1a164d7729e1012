import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { ConfigError, errnoOf } from "../../core/errors.ts";
import { writeResultFile } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import type { RunObserver } from "../../train/run/run-events.ts";
import { changesPage, type LivePage, REFRESH_SECONDS } from "./live-page.ts";

/** Only this machine sees the page. */
const LOOPBACK = "127.0.0.1";
const OWN_HOSTS: ReadonlySet<string> = new Set([LOOPBACK, "localhost"]);

/** Keeps a page in a file. A page that cannot be written is told of and ends no run. */
export function pageFile(
  path: string,
  page: Pick<LivePage, "html">,
  { now, progress }: { readonly now: () => number; readonly progress: Pick<Progress, "say"> },
): RunObserver {
  let writtenMs = Number.NEGATIVE_INFINITY;
  return async (event) => {
    const isDue = now() - writtenMs >= REFRESH_SECONDS * 1000;
    if (!changesPage(event) || (event.kind === "step" && !isDue)) return;
    writtenMs = now();
    try {
      await writeResultFile(path, await page.html());
    } catch (error) {
      progress.say(`the page was not written: ${String(error)}`);
    }
  };
}

/** Shows a page to the browsers of this machine for as long as it is open. */
export class PageServer implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on a port, on any free one for 0; ConfigError where that cannot be. */
  static async open(port: number, page: Pick<LivePage, "html">): Promise<PageServer> {
    const server = createServer((request, response) => void answer(request, response, page));
    server.listen(port, LOOPBACK);
    try {
      await once(server, "listening");
    } catch (error) {
      throw new ConfigError(`--page ${port}: the port cannot be used (${errnoOf(error) ?? ""})`, {
        remedy: "name another port, or 0 for any free one",
        cause: error,
      });
    }
    server.unref(); // a page keeps no finished run alive
    return new PageServer(server);
  }

  get address(): string {
    const address = this.#server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    return `http://${LOOPBACK}:${port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

async function answer(
  { headers, method, url }: IncomingMessage,
  response: ServerResponse,
  page: Pick<LivePage, "html">,
): Promise<void> {
  // A page of another name may not read this one through a name that it points here.
  const host = (headers.host ?? "").replace(/:\d+$/, "");
  const isOwn = OWN_HOSTS.has(host);
  if (!isOwn || method !== "GET" || url !== "/") {
    response.writeHead(isOwn ? 404 : 403).end();
    return;
  }
  try {
    const html = await page.html();
    response.writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    response.end(html);
  } catch (error) {
    response.writeHead(500, { "content-type": "text/plain" }).end(String(error));
  }
}
