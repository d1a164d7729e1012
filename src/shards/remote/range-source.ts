import type { LimitFunction } from "p-limit";
import type { ByteRange } from "../arrow/batch-body.ts";
import type { ByteSource } from "../arrow/file-reader.ts";
import { ShortReadError } from "../file-storage.ts";
import { planReads, remoteReads } from "../reading/plan-reads.ts";
import type { RemoteFiles } from "./remote-files.ts";

/** A footer and the word behind it lie in the last bytes; with them one request opens a shard. */
const TAIL_BYTES = 64 * 1024;

/** What the requests of one set share. */
export interface RangeContext {
  readonly files: RemoteFiles;
  /** Lets so many requests go at a time. */
  readonly limit: LimitFunction;
  readonly signal: AbortSignal;
}

interface WaitingRead {
  readonly range: ByteRange;
  readonly settle: (outcome: Promise<Uint8Array>) => void;
}

/** A remote file that is read by range; reads asked for together that lie near one another are one request. */
export class RangeSource implements ByteSource {
  readonly sizeBytes: number;
  readonly #file: string;
  readonly #context: RangeContext;
  readonly #tail: { readonly offset: number; readonly bytes: Buffer };
  #waiting: WaitingRead[] = [];

  private constructor(
    file: string,
    given: { readonly sizeBytes: number; readonly tail: Buffer; readonly context: RangeContext },
  ) {
    this.#file = file;
    this.sizeBytes = given.sizeBytes;
    this.#tail = { offset: given.sizeBytes - given.tail.length, bytes: given.tail };
    this.#context = given.context;
  }

  /** Asks for the file's end, which tells its size. `expectedBytes` is what the index says. */
  static async open(
    file: string,
    expectedBytes: number,
    context: RangeContext,
  ): Promise<RangeSource> {
    const sizeBytes = Math.max(1, Math.min(TAIL_BYTES, expectedBytes));
    const range = { offset: Math.max(0, expectedBytes - sizeBytes), sizeBytes };
    const tail = await context.limit(() => context.files.range(file, range, context.signal));
    // A file of another size has another end; who opens it compares the sizes.
    const isEnd = tail.fileSizeBytes === range.offset + sizeBytes;
    return new RangeSource(file, {
      sizeBytes: tail.fileSizeBytes,
      tail: isEnd ? tail.bytes : Buffer.alloc(0),
      context,
    });
  }

  read(range: ByteRange): Uint8Array | Promise<Uint8Array> {
    const { offset, sizeBytes } = range;
    if (offset + sizeBytes > this.sizeBytes)
      throw new ShortReadError(range, Math.max(0, this.sizeBytes - offset));
    const inTail = offset - this.#tail.offset;
    if (inTail >= 0 || sizeBytes === 0)
      return this.#tail.bytes.subarray(inTail, inTail + sizeBytes);
    return new Promise((resolve) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#send());
      this.#waiting.push({ range, settle: resolve });
    });
  }

  readAgain(range: ByteRange): Promise<Uint8Array> {
    const { limit } = this.#context;
    return limit(() => this.#fetch(range));
  }

  #send(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const plan = planReads(
      waiting.map(({ range }) => range),
      remoteReads,
    );
    for (const { range: read, parts } of plan) {
      const bytes = this.#context.limit(() => this.#fetch(read));
      for (const { index, range } of parts) {
        const part = bytes.then((all) =>
          all.subarray(range.offset, range.offset + range.sizeBytes),
        );
        waiting[index]?.settle(part);
      }
    }
  }

  async #fetch(range: ByteRange): Promise<Uint8Array> {
    const { files, signal } = this.#context;
    return (await files.range(this.#file, range, signal)).bytes;
  }
}
