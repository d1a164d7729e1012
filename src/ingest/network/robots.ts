import robotsParser from "robots-parser";
import type { Clock } from "../../core/network/clock.ts";
import { hostOf } from "./address-rules.ts";
import type { HostGate } from "./host-gate.ts";
import type { HttpClient, NetResponse } from "./http-client.ts";
import { NetFault } from "../../core/network/net-fault.ts";
import type { RequestLimits } from "../../core/network/request-watch.ts";

/** The name by which robots.txt files and X-Robots-Tag headers may address this program. */
const ROBOT_NAME = "crossweave";

interface RobotsFile {
  readonly allows: (url: string) => boolean;
  readonly crawlDelayMs: number;
}

const everything: RobotsFile = { allows: () => true, crawlDelayMs: 0 };

/** RFC 9309 asks for at least 500 KiB to be read. */
const MAX_ROBOTS_BYTES = 512 * 1024;
const MAX_CACHED_ORIGINS = 5000;
const MAX_CRAWL_DELAY_MS = 30_000;
/** For so long, nobody asks again for a file that could not be had. */
const FAILURE_KEPT_MS = 60_000;

export interface RobotsOptions {
  readonly client: HttpClient;
  readonly gate: HostGate;
  readonly clock: Clock;
  readonly limits: RequestLimits;
  readonly signal?: AbortSignal | undefined;
}

interface Reading {
  readonly file: Promise<RobotsFile>;
  untilMs: number;
}

/** Reads the robots.txt of each origin once, before anything else of it is asked for. */
export class RobotsRules {
  readonly #options: RobotsOptions;
  readonly #files = new Map<string, Reading>();

  constructor(options: RobotsOptions) {
    this.#options = options;
  }

  /**
   * Throws NetFault `NET_ROBOTS` when the file forbids this URL, and `NET_BUSY` while the file cannot
   * be had because the server is out of order (RFC 9309, 2.3.1.4); a file that is not there allows all.
   */
  async requireAllowed(url: URL): Promise<void> {
    const file = await this.#fileOf(url);
    if (file.crawlDelayMs > 0) this.#options.gate.space(hostOf(url), file.crawlDelayMs);
    if (file.allows(url.href)) return;
    throw new NetFault("NET_ROBOTS", `the robots.txt of ${url.host} forbids it`);
  }

  #fileOf({ origin }: URL): Promise<RobotsFile> {
    const { clock } = this.#options;
    const known = this.#files.get(origin);
    if (known !== undefined && known.untilMs > clock.monotonicMs()) return known.file;
    const [oldest] = this.#files.keys();
    if (this.#files.size >= MAX_CACHED_ORIGINS && oldest !== undefined) this.#files.delete(oldest);
    const reading: Reading = {
      file: this.#read(origin),
      untilMs: Number.POSITIVE_INFINITY,
    };
    reading.file.catch(() => {
      reading.untilMs = clock.monotonicMs() + FAILURE_KEPT_MS;
    });
    this.#files.set(origin, reading);
    return reading.file;
  }

  async #read(origin: string): Promise<RobotsFile> {
    const { client, limits, signal } = this.#options;
    const url = `${origin}/robots.txt`;
    using response = await client.get(url, {
      limits: { ...limits, maxBytes: Number.POSITIVE_INFINITY },
      signal,
    });
    if (response.status >= 500 || response.status === 429)
      throw new NetFault("NET_BUSY", `its robots.txt answered ${response.status}`);
    if (response.status !== 200) return everything;
    return parseRobots(url, await readHead(response));
  }
}

async function readHead(response: NetResponse): Promise<string> {
  const chunks: Buffer[] = [];
  let numBytes = 0;
  for await (const chunk of response.body()) {
    chunks.push(chunk);
    numBytes += chunk.length;
    if (numBytes >= MAX_ROBOTS_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ROBOTS_BYTES).toString("utf8");
}

/** The rules of a robots.txt. */
export function parseRobots(url: string, text: string): RobotsFile {
  const rules = parserOf(url, text);
  const delaySeconds = rules.getCrawlDelay(ROBOT_NAME) ?? 0;
  return {
    allows: (visited) => rules.isAllowed(visited, ROBOT_NAME) !== false,
    crawlDelayMs: Math.min(MAX_CRAWL_DELAY_MS, delaySeconds * 1000),
  };
}

type Rules = ReturnType<typeof robotsParser.default>;

// The package is its function, while its types say that the function is its member "default".
function parserOf(url: string, text: string): Rules {
  const parser: unknown = robotsParser;
  if (typeof parser !== "function") throw new TypeError("robots-parser is a function");
  const rules: Rules = Reflect.apply(parser, undefined, [url, text]);
  return rules;
}

/** What img2dataset obeys by default, "noml", and "none", which includes "noindex". */
const OPT_OUTS: ReadonlySet<string> = new Set([
  "noai",
  "noimageai",
  "noindex",
  "noimageindex",
  "noml",
  "none",
]);

/** Throws NetFault `NET_OPT_OUT` when the publisher of a picture keeps it from uses such as this one. */
export function requireOptIn(response: NetResponse): void {
  const directive = response
    .headers("x-robots-tag")
    .flatMap(directivesForUs)
    .find((name) => OPT_OUTS.has(name));
  if (directive !== undefined)
    throw new NetFault("NET_OPT_OUT", `its publisher says "X-Robots-Tag: ${directive}"`);
  if (response.header("tdm-reservation")?.trim() === "1")
    throw new NetFault("NET_OPT_OUT", 'its publisher says "TDM-Reservation: 1"');
}

/** "noai, nosnippet" is for all; "otherbot: noai" is not for us. */
function directivesForUs(value: string): string[] {
  const [, robot, rest] = /^\s*([\w.-]+)\s*:\s*(.*)$/.exec(value) ?? [];
  if (robot !== undefined && robot !== "unavailable_after" && robot.toLowerCase() !== ROBOT_NAME)
    return [];
  return (robot === undefined ? value : (rest ?? ""))
    .split(",")
    .map((name) => name.trim().toLowerCase());
}
