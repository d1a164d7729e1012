import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from "undici";
import { errnoOf } from "../../core/errors.ts";
import type { Clock } from "../../core/network/clock.ts";
import { connectionFaultCode, NetFault } from "../../core/network/net-fault.ts";
import { type RequestLimits, RequestWatch, watchedBody } from "../../core/network/request-watch.ts";
import { parseRetryAfter } from "../../core/network/retries.ts";
import type { RemoteAddress } from "./remote-address.ts";

/** The head of an answer and its body, which can be read once; disposal ends the connection's use. */
export interface RemoteResponse extends Disposable {
  readonly status: number;
  header(name: string): string | undefined;
  body(): AsyncGenerator<Buffer>;
}

export interface RemoteRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly limits: RequestLimits;
  /** Statuses beside 200 that are an answer and no fault. */
  readonly expected?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const CONNECT_TIMEOUT_MS = 20_000;
const CONNECTIONS = 16;
const BUSY: ReadonlySet<number> = new Set([408, 425, 429]);

/** Makes requests for the files of one set, each once; follows redirects and keeps every limit. */
export class RemoteClient implements AsyncDisposable {
  readonly #address: RemoteAddress;
  readonly #clock: Clock;
  readonly #agent: Dispatcher = createAgent(process.env);

  constructor(address: RemoteAddress, clock: Clock) {
    this.#address = address;
    this.#clock = clock;
  }

  /** Throws NetFault for an answer that was not expected, or the abort reason of `signal`. */
  async get(file: string, options: RemoteRequest): Promise<RemoteResponse> {
    const response = await this.#follow(file, options);
    const { status } = response;
    const isExpected = status === 200 || options.expected?.includes(status) === true;
    const fault = isExpected ? encodingFault(response) : this.#statusFault(response);
    if (fault === undefined) return response;
    response[Symbol.dispose]();
    throw fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #follow(file: string, options: RemoteRequest): Promise<RemoteResponse> {
    let asked = await this.#address.request(file, options.headers ?? {});
    for (let numRedirects = 0; ; numRedirects += 1) {
      const response = await this.#getOnce(asked.url, asked.headers, options);
      const location = response.header("location");
      const isElsewhere = this.#address.isElsewhere((name) => response.header(name));
      if (!isElsewhere && !(REDIRECTS.has(response.status) && location !== undefined))
        return response;
      response[Symbol.dispose]();
      if (numRedirects === MAX_REDIRECTS)
        throw new NetFault("NET_REDIRECT", `more than ${MAX_REDIRECTS} redirects`);
      asked = isElsewhere
        ? await this.#address.request(file, options.headers ?? {})
        : {
            url: redirected(asked.url, location ?? ""),
            headers: this.#headersFor(asked, location, options),
          };
    }
  }

  /** Credentials are for whom the user has named, not for whom that one names. */
  #headersFor(
    asked: { readonly url: URL; readonly headers: Readonly<Record<string, string>> },
    location: string | undefined,
    options: RemoteRequest,
  ): Readonly<Record<string, string>> {
    const to = redirected(asked.url, location ?? "");
    return to.origin === asked.url.origin ? asked.headers : (options.headers ?? {});
  }

  async #getOnce(
    url: URL,
    headers: Readonly<Record<string, string>>,
    options: RemoteRequest,
  ): Promise<RemoteResponse> {
    const watch = new RequestWatch(options.limits, this.#clock, options.signal);
    try {
      const data = await request(url, {
        dispatcher: this.#agent,
        signal: watch.signal,
        headers: { "accept-encoding": "identity", "user-agent": "crossweave", ...headers },
      });
      watch.headArrived();
      return new WatchedResponse(data, watch);
    } catch (error) {
      watch[Symbol.dispose]();
      throw asNetFault(error, watch.signal);
    }
  }

  #statusFault(response: RemoteResponse): NetFault {
    const { status } = response;
    const message = `the server answered ${status}`;
    if (!BUSY.has(status) && status < 500) return new StatusFault(message, status);
    const retryAfterMs = parseRetryAfter(response.header("retry-after"), this.#clock.dateMs());
    return new NetFault("NET_BUSY", message, { retryAfterMs });
  }
}

/** An answer that asking again would not change. */
export class StatusFault extends NetFault {
  readonly status: number;

  constructor(message: string, status: number) {
    super("NET_STATUS", message);
    this.status = status;
  }
}

// undici calls its agent for proxies experimental, on stderr; only who has a proxy needs it.
function createAgent(environment: Readonly<Record<string, string | undefined>>): Dispatcher {
  const options = {
    connect: { timeout: CONNECT_TIMEOUT_MS },
    connections: CONNECTIONS,
    pipelining: 1,
    // RequestWatch keeps the time of requests.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  const names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"];
  const hasProxy = names.some((name) => (environment[name] ?? "") !== "");
  return hasProxy ? new EnvHttpProxyAgent(options) : new Agent(options);
}

/** Positions and digests are those of the files themselves, which is what was asked for. */
function encodingFault(response: RemoteResponse): NetFault | undefined {
  const encoding = response.header("content-encoding") ?? "";
  // Some S3-compatible servers repeat how the file was sent to them.
  if (/^(?:identity|aws-chunked|)$/i.test(encoding.trim())) return undefined;
  return new NetFault("NET_ENCODING", `the server sent it in the encoding ${encoding}`);
}

function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  if (to === null) throw new NetFault("NET_REDIRECT", "a redirect to what is no URL");
  if (to.protocol === "https:" || to.protocol === from.protocol) return to;
  throw new NetFault("NET_REDIRECT", `a redirect from ${from.origin} to ${to.origin}`);
}

class WatchedResponse implements RemoteResponse {
  readonly status: number;
  readonly #data: Dispatcher.ResponseData;
  readonly #watch: RequestWatch;

  constructor(data: Dispatcher.ResponseData, watch: RequestWatch) {
    this.status = data.statusCode;
    this.#data = data;
    this.#watch = watch;
    // Nobody may be reading when an abort reaches the body.
    data.body.on("error", () => {});
  }

  header(name: string): string | undefined {
    const value = this.#data.headers[name];
    return typeof value === "string" ? value : value?.[0];
  }

  async *body(): AsyncGenerator<Buffer> {
    try {
      yield* watchedBody(this.#data.body, this.#watch);
    } catch (error) {
      throw asNetFault(error, this.#watch.signal);
    } finally {
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#data.body.destroy();
  }
}

function asNetFault(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof NetFault || !(error instanceof Error)) return error;
  const errno = errnoOf(error) ?? "";
  return new NetFault(connectionFaultCode(errno), error.message || errno, { cause: error });
}
