import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Progress } from "../../../src/core/progress.ts";
import type { FetchContext } from "../../../src/ingest/fetch/fetch-context.ts";
import { FetchFolder } from "../../../src/ingest/fetch/fetch-folder.ts";
import type { WebPictureContext } from "../../../src/ingest/fetch/web-picture.ts";
import { pictureLimits } from "../../../src/ingest/fetch/web-picture.ts";
import { HostGate } from "../../../src/ingest/network/host-gate.ts";
import { HttpClient } from "../../../src/ingest/network/http-client.ts";
import { retryPolicy } from "../../../src/core/network/retries.ts";
import { RobotsRules } from "../../../src/ingest/network/robots.ts";
import { HostileServer, type Route } from "../network/hostile-server.ts";
import { TestClock } from "../../core/network/test-clock.ts";

/** A server and a folder that is fetched to, with everything a fetch needs; time is the test's. */
export class FetchFixture implements AsyncDisposable {
  readonly server: HostileServer;
  readonly root: string;
  readonly clock: TestClock = new TestClock();
  readonly said: string[] = [];

  private constructor(server: HostileServer, root: string) {
    this.server = server;
    this.root = root;
  }

  static async create(routes: Record<string, Route> = {}): Promise<FetchFixture> {
    const root = await mkdtemp(join(tmpdir(), "crossweave-fetch-"));
    return new FetchFixture(await HostileServer.start(routes), root);
  }

  get folder(): string {
    return join(this.root, "downloads");
  }

  url(path: string): string {
    return `${this.server.origin}${path}`;
  }

  /** Does something as one run of the command would: with the folder taken and a client of its own. */
  async run<T>(
    task: (context: FetchContext) => Promise<T>,
    given: Partial<FetchContext> = {},
  ): Promise<T> {
    const { clock } = this;
    const progress: Progress = { report: () => {}, say: (message) => void this.said.push(message) };
    using folder = await FetchFolder.open(this.folder);
    await using client = new HttpClient({
      trustedOrigins: new Set([this.server.origin]),
      connectionsPerOrigin: 4,
      clock,
      userAgent: "crossweave-test",
    });
    const gate = new HostGate({ concurrency: 8, perHost: 4, clock });
    const fixed = { folder, client, gate, clock, retries: retryPolicy, seed: 1, trustNew: false };
    return await task({ ...fixed, progress, ...given });
  }

  /** The context of web pictures, with this fixture's server as the web. */
  webContext(context: FetchContext): WebPictureContext {
    const { client, gate, clock } = context;
    return {
      ...context,
      robots: new RobotsRules({ client, gate, clock, limits: pictureLimits }),
      placeholders: { sha256: new Set(), paths: ["/photo_unavailable"] },
      trustedOrigins: new Set([this.server.origin]),
      picturesFolder: "cc3m/pictures",
    };
  }

  /** Waits until a file has so many bytes. */
  async hasBytes(path: string, numBytes: number): Promise<void> {
    const size = async (): Promise<number> =>
      stat(join(this.root, path)).then(
        (found) => found.size,
        () => 0,
      );
    while ((await size()) < numBytes) await sleep(1);
  }

  /** Every file below the fixture's folder but the records of the fetch, with its text. */
  async files(): Promise<Record<string, string>> {
    const entries = await readdir(this.root, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.root.length + 1))
      .filter((path) => !path.includes(".crossweave-fetch"))
      .toSorted();
    return Object.fromEntries(
      await Promise.all(
        paths.map(async (path) => [path, await readFile(join(this.root, path), "latin1")] as const),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await rm(this.root, { recursive: true, force: true });
  }
}
