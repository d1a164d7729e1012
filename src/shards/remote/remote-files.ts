import { SourceError } from "../../core/errors.ts";
import type { Clock } from "../../core/network/clock.ts";
import { NetFault } from "../../core/network/net-fault.ts";
import type { RequestLimits } from "../../core/network/request-watch.ts";
import { type RetryPolicy, withRetries } from "../../core/network/retries.ts";
import { systemClock } from "../../core/network/system-clock.ts";
import { mixSeed } from "../../core/random.ts";
import type { ByteRange } from "../arrow/batch-body.ts";
import { ShortReadError } from "../file-storage.ts";
import { fileAt } from "./location.ts";
import { addressOf } from "./remote-address.ts";
import { RemoteClient, type RemoteResponse } from "./remote-client.ts";
import { explainedNetFault } from "./remote-faults.ts";

/** How requests are made; what is left out is as it should be outside of tests. */
export interface NetworkOptions {
  readonly clock?: Clock | undefined;
  readonly retries?: RetryPolicy | undefined;
}

const defaultRetries: RetryPolicy = {
  maxAttempts: 6,
  firstDelayMs: 500,
  maxDelayMs: 30_000,
  maxRetryAfterMs: 300_000,
};

const limits: RequestLimits = {
  headersTimeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  totalTimeoutMs: Number.POSITIVE_INFINITY,
  minBytesPerSecond: 2048,
  speedWindowMs: 30_000,
  maxBytes: Number.POSITIVE_INFINITY,
};

const MAX_TEXT_BYTES = 400 * 2 ** 20;

/** A server that sends whole files where a range was asked for. */
export class NoRangesError extends SourceError {
  constructor(path: string) {
    super(`${path}: the server sends whole files only; it does not serve ranges`, {
      file: path,
      remedy: "have the set served by ranges, as nearly every server does, or fetch its folder",
    });
  }
}

interface RetryContext {
  readonly signal?: AbortSignal | undefined;
  /** How far the attempts came. */
  readonly progressOf?: () => number;
}

/** The whole of a range, in a file of so many bytes. */
export interface ReadRange {
  readonly bytes: Buffer;
  readonly fileSizeBytes: number;
}

/** The files of one remote set. Faults come as errors that the user can act on, with the file's URL. */
export class RemoteFiles implements AsyncDisposable {
  readonly location: string;
  readonly #client: RemoteClient;
  readonly #clock: Clock;
  readonly #retries: RetryPolicy;

  private constructor(location: string, client: RemoteClient, given: NetworkOptions) {
    this.location = location;
    this.#client = client;
    this.#clock = given.clock ?? systemClock;
    this.#retries = given.retries ?? defaultRetries;
  }

  static async open(location: string, options: NetworkOptions = {}): Promise<RemoteFiles> {
    const address = await addressOf(location);
    const client = new RemoteClient(address, options.clock ?? systemClock);
    return new RemoteFiles(location, client, options);
  }

  /** A small file as text. */
  async text(file: string, signal?: AbortSignal): Promise<string> {
    const attempt = async (): Promise<Buffer> => {
      const textLimits = { ...limits, maxBytes: MAX_TEXT_BYTES };
      using response = await this.#client.get(file, { limits: textLimits, signal });
      return await wholeBody(response);
    };
    const bytes = await this.retried(file, attempt, { signal });
    return bytes.toString("utf8");
  }

  /**
   * Exactly these bytes. A connection that drops goes on where it was, in the same version of the file.
   * Throws ShortReadError when the file ends before, NoRangesError when the server serves no ranges.
   */
  async range(file: string, range: ByteRange, signal?: AbortSignal): Promise<ReadRange> {
    const read = new RangeRead(fileAt(this.location, file), range);
    return this.retried(file, () => read.attempt(this.#client, file, signal), {
      signal,
      progressOf: () => read.numRead,
    });
  }

  /** Passes on one answer with the file's bytes, from a position if the server still has that version. */
  stream(
    file: string,
    from: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
  ): Promise<RemoteResponse> {
    return this.#client.get(file, { ...from, limits, expected: [206, 416] });
  }

  /** Makes attempts until one succeeds or it is no use; see withRetries. */
  async retried<T>(file: string, attempt: () => Promise<T>, more: RetryContext = {}): Promise<T> {
    try {
      return await withRetries(
        attempt,
        {
          policy: this.#retries,
          clock: this.#clock,
          randomKey: [process.pid, mixSeed(...Buffer.from(file))],
          signal: more.signal,
        },
        more.progressOf,
      );
    } catch (error) {
      throw explainedNetFault(error, fileAt(this.location, file));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }
}

async function wholeBody(response: RemoteResponse): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response.body()) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const stated = response.header("content-length");
  if (stated === undefined || Number(stated) === bytes.length) return bytes;
  throw new NetFault("NET_LENGTH", `${bytes.length} bytes came, ${stated} were announced`);
}

/** A range that may take several requests. */
class RangeRead {
  readonly #path: string;
  readonly #range: ByteRange;
  readonly #bytes: Buffer;
  #numRead = 0;
  #etag: string | undefined;

  constructor(path: string, range: ByteRange) {
    this.#path = path;
    this.#range = range;
    this.#bytes = Buffer.allocUnsafeSlow(range.sizeBytes);
  }

  get numRead(): number {
    return this.#numRead;
  }

  async attempt(
    client: RemoteClient,
    file: string,
    signal: AbortSignal | undefined,
  ): Promise<ReadRange> {
    const { offset, sizeBytes } = this.#range;
    const start = offset + this.#numRead;
    using response = await client.get(file, {
      headers: { range: `bytes=${start}-${offset + sizeBytes - 1}` },
      // Whatever else a broken server sends is not read.
      limits: { ...limits, maxBytes: sizeBytes - this.#numRead },
      expected: [206, 416],
      signal,
    });
    if (response.status === 416) throw new ShortReadError(this.#range, 0);
    if (response.status === 200) throw new NoRangesError(this.#path);
    const fileSizeBytes = this.#requireRange(response, start);
    for await (const chunk of response.body()) {
      chunk.copy(this.#bytes, this.#numRead);
      this.#numRead += chunk.length;
    }
    if (this.#numRead === sizeBytes) return { bytes: this.#bytes, fileSizeBytes };
    if (offset + sizeBytes > fileSizeBytes) throw new ShortReadError(this.#range, this.#numRead);
    throw new NetFault("NET_LENGTH", `${this.#numRead} of ${sizeBytes} bytes came`);
  }

  #requireRange(response: RemoteResponse, start: number): number {
    const range = contentRange(response);
    const etag = response.header("etag");
    const isSame = this.#numRead === 0 || etag === this.#etag;
    this.#etag = etag;
    if (range?.start === start && isSame) return range.totalBytes;
    this.#numRead = 0;
    throw new NetFault("NET_LENGTH", "the server sent another range or version than was asked for");
  }
}

/** Where a 206 answer begins, in how large a file; undefined when it does not say. */
export function contentRange(
  response: RemoteResponse,
): { readonly start: number; readonly totalBytes: number } | undefined {
  const pattern = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/;
  const [, start, total] = pattern.exec(response.header("content-range") ?? "") ?? [];
  return start === undefined ? undefined : { start: Number(start), totalBytes: Number(total) };
}
