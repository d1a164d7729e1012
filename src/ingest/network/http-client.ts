import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { pipeline, type Duplex } from "node:stream";
import { type Agent, request, type Dispatcher } from "undici";
import { errnoOf } from "../../core/errors.ts";
import { requireFetchable } from "./address-rules.ts";
import type { Clock } from "../../core/network/clock.ts";
import { type AgentOptions, createGuardedAgent } from "./guarded-agent.ts";
import { connectionFaultCode, NetFault } from "../../core/network/net-fault.ts";
import { redirectTarget } from "./redirects.ts";
import {
  type RequestLimits,
  RequestWatch,
  tooLarge,
  watchedBody,
} from "../../core/network/request-watch.ts";
import { parseRetryAfter } from "../../core/network/retries.ts";

export interface ClientOptions extends AgentOptions {
  readonly clock: Clock;
  readonly userAgent: string;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly limits: RequestLimits;
  /** Asked before every hop; throws when a URL must not be visited. */
  readonly mayVisit?: ((url: URL) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The head of a response and its body, which can be read once; disposal ends the connection's use. */
export interface NetResponse extends Disposable {
  /** Where the body comes from, after redirects. */
  readonly url: URL;
  readonly status: number;
  header(name: string): string | undefined;
  /** A header that may be there several times. */
  headers(name: string): readonly string[];
  /** The body as it was sent. */
  body(): AsyncGenerator<Buffer>;
  /** The body without its content encoding; never more than the limit, whatever it unpacks to. */
  decodedBody(): AsyncGenerator<Buffer>;
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Makes GET requests to public addresses, follows redirects by the same rules, and keeps every limit. */
export class HttpClient implements AsyncDisposable {
  readonly #options: ClientOptions;
  readonly #agent: Agent;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#agent = createGuardedAgent(options);
  }

  /**
   * The response to a GET request, whatever its status, after redirects.
   * Throws NetFault, or the abort reason of `signal`.
   */
  async get(text: string, options: RequestOptions): Promise<NetResponse> {
    const { trustedOrigins } = this.#options;
    const visited: URL[] = [];
    let url = requireFetchable(text, trustedOrigins);
    for (;;) {
      await options.mayVisit?.(url);
      visited.push(url);
      const response = await this.#getOnce(url, options);
      const location = response.header("location");
      if (!REDIRECTS.has(response.status) || location === undefined) return response;
      response[Symbol.dispose]();
      url = redirectTarget(visited, location, trustedOrigins);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  async #getOnce(url: URL, options: RequestOptions): Promise<NetResponse> {
    const watch = new RequestWatch(options.limits, this.#options.clock, options.signal);
    try {
      const data = await request(url, {
        dispatcher: this.#agent,
        signal: watch.signal,
        headers: {
          "user-agent": this.#options.userAgent,
          accept: "*/*",
          "accept-encoding": "identity",
          ...options.headers,
        },
      });
      watch.headArrived();
      return new WatchedResponse(url, data, { watch, options });
    } catch (error) {
      watch[Symbol.dispose]();
      throw asNetFault(error, watch.signal);
    }
  }
}

class WatchedResponse implements NetResponse {
  readonly url: URL;
  readonly status: number;
  readonly #data: Dispatcher.ResponseData;
  readonly #watch: RequestWatch;
  readonly #limits: RequestLimits;

  constructor(
    url: URL,
    data: Dispatcher.ResponseData,
    given: { readonly watch: RequestWatch; readonly options: RequestOptions },
  ) {
    this.url = url;
    this.status = data.statusCode;
    this.#data = data;
    this.#watch = given.watch;
    this.#limits = given.options.limits;
    // Nobody may be reading when an abort reaches the body.
    data.body.on("error", () => {});
  }

  header(name: string): string | undefined {
    return this.headers(name)[0];
  }

  headers(name: string): readonly string[] {
    const value = this.#data.headers[name];
    if (value === undefined) return [];
    return typeof value === "string" ? [value] : value;
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

  async *decodedBody(): AsyncGenerator<Buffer> {
    const decoder = decoderOf(this.header("content-encoding"));
    if (decoder === undefined) return yield* this.body();
    let numBytes = 0;
    try {
      // The fault reaches the reader of the last stream; this callback has nothing to add.
      const decoded: AsyncIterable<unknown> = pipeline(this.body(), decoder, () => {});
      for await (const chunk of decoded) {
        if (!Buffer.isBuffer(chunk)) throw new TypeError("zlib gives buffers");
        numBytes += chunk.length;
        if (numBytes > this.#limits.maxBytes) throw tooLarge(this.#limits.maxBytes);
        yield chunk;
      }
    } catch (error) {
      if (!isDecoderError(error)) throw error;
      throw new NetFault("NET_ENCODING", "its content encoding is damaged", { cause: error });
    } finally {
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    this.#data.body.destroy();
  }
}

function decoderOf(encoding: string | undefined): Duplex | undefined {
  switch (encoding?.trim().toLowerCase()) {
    case undefined:
    case "":
    case "identity":
      return undefined;
    case "gzip":
    case "x-gzip":
      return createGunzip();
    case "deflate":
      return createInflate();
    case "br":
      return createBrotliDecompress();
    default:
      throw new NetFault("NET_ENCODING", `its content encoding ${encoding} was not asked for`);
  }
}

function isDecoderError(error: unknown): boolean {
  return /^(?:Z_|ERR_(?:_ERROR_|BROTLI|PADDING))/.test(errnoOf(error) ?? "");
}

function asNetFault(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof NetFault || !(error instanceof Error)) return error;
  if (error.cause instanceof NetFault) return error.cause;
  const errno = errnoOf(error) ?? "";
  const code = connectionFaultCode(errno);
  const what = error.message || errno;
  const message = code === "NET_DNS" ? `the name of the server is not known here (${what})` : what;
  return new NetFault(code, message, { cause: error });
}

const BUSY: ReadonlySet<number> = new Set([408, 425, 429]);

/** Throws NetFault unless the status is one of those expected. */
export function requireStatus(
  response: NetResponse,
  expected: readonly number[],
  clock: Clock,
): void {
  const { status } = response;
  if (expected.includes(status)) return;
  response[Symbol.dispose]();
  if (!BUSY.has(status) && status < 500)
    throw new NetFault("NET_STATUS", `the server answered ${status}`);
  const retryAfterMs = parseRetryAfter(response.header("retry-after"), clock.dateMs());
  throw new NetFault("NET_BUSY", `the server answered ${status}`, { retryAfterMs });
}
