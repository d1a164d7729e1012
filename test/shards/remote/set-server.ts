import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { join } from "node:path";
import { sha256 } from "../../../src/core/digest.ts";

/** One request for a file of the set. */
export interface Asked {
  readonly file: string;
  readonly range: string | undefined;
  /** How many requests for this file there were, this one included. */
  readonly visit: number;
  readonly request: IncomingMessage;
}

/** What a server does instead of its duty; nothing of it when left out. */
export interface Misbehaviour {
  /** Answers with this status and nothing else. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the connection after so many bytes of the body. */
  readonly dropAfter?: number;
  /** Changes the file's bytes. */
  readonly bytes?: (bytes: Buffer) => Buffer;
  /** Sends whole files, whatever range was asked for. */
  readonly noRanges?: boolean;
  readonly etag?: string;
  /** Waits for this before every piece of the body. */
  readonly beforePiece?: (sentBytes: number) => Promise<void>;
  readonly pieceBytes?: number;
}

/** The private key and the certificate of a server, in PEM. */
export interface ServerIdentity {
  readonly key: string;
  readonly cert: string;
}

export type Behave = (asked: Asked) => Misbehaviour | undefined;

/** A web server on loopback that serves the files of a folder by range. */
export class SetServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  behave: Behave;
  readonly #server: Server;
  readonly #folder: string;

  readonly #scheme: "http" | "https";

  private constructor(folder: string, behave: Behave, identity: ServerIdentity | undefined) {
    this.#folder = folder;
    this.behave = behave;
    this.#scheme = identity === undefined ? "http" : "https";
    const answer = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#answer(request, response).catch(() => response.destroy());
    };
    this.#server =
      identity === undefined ? createServer(answer) : createSecureServer(identity, answer);
  }

  /** With an identity, the server speaks https alone. */
  static async serve(
    folder: string,
    behave: Behave = () => undefined,
    identity?: ServerIdentity,
  ): Promise<SetServer> {
    const server = new SetServer(folder, behave, identity);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get origin(): string {
    const address = this.#server.address();
    return `${this.#scheme}://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  }

  get url(): string {
    return `${this.origin}/sets/one`;
  }

  /** Requests for whole shards, or for the rest of one. */
  get downloads(): Asked[] {
    return this.asked.filter(
      ({ file, range }) => file.endsWith(".arrow") && (range === undefined || range.endsWith("-")),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "", this.origin).pathname;
    const file = path.replace("/sets/one/", "");
    const visit = this.asked.filter((earlier) => earlier.file === file).length + 1;
    const asked = { file, range: request.headers.range, visit, request };
    this.asked.push(asked);
    const wrong = this.behave(asked) ?? {};
    if (wrong.status !== undefined) {
      response.writeHead(wrong.status, wrong.headers).end();
      return;
    }
    const stored = await readFile(join(this.#folder, file)).catch(() => undefined);
    if (stored === undefined) {
      response.writeHead(404).end();
      return;
    }
    const bytes = wrong.bytes?.(Buffer.from(stored)) ?? stored;
    await send(response, bytes, { asked, wrong });
  }
}

async function send(
  response: ServerResponse,
  bytes: Buffer,
  { asked, wrong }: { asked: Asked; wrong: Misbehaviour },
): Promise<void> {
  const etag = wrong.etag ?? `"${sha256(bytes).slice(0, 16)}"`;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(asked.range ?? "") ?? [];
  const condition = asked.request.headers["if-range"];
  const isRange = first !== undefined && !wrong.noRanges && (condition ?? etag) === etag;
  const start = isRange ? Number(first) : 0;
  const end = isRange && last !== "" ? Math.min(bytes.length, Number(last) + 1) : bytes.length;
  if (isRange && start >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  const part = bytes.subarray(start, end);
  response.writeHead(isRange ? 206 : 200, {
    etag,
    "content-length": part.length,
    ...(isRange ? { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` } : {}),
    ...wrong.headers,
  });
  const whole = part.subarray(0, wrong.dropAfter ?? part.length);
  const { pieceBytes = whole.length } = wrong;
  for (let at = 0; at < whole.length; at += pieceBytes) {
    await wrong.beforePiece?.(start + at);
    if (response.destroyed) return;
    if (!response.write(whole.subarray(at, at + pieceBytes)))
      await Promise.race([once(response, "drain"), once(response, "close")]);
  }
  if (wrong.dropAfter === undefined) response.end();
  else response.write("", () => response.socket?.end()); // what was sent arrives, then nothing
}

/** Misbehaves at the first requests for each shard. */
export function atFirst(numTimes: number, wrong: Misbehaviour): Behave {
  return ({ file, visit }) => (file.endsWith(".arrow") && visit <= numTimes ? wrong : undefined);
}

/** One bit in the middle is another. */
export function flipped(bytes: Buffer): Buffer {
  const middle = bytes.length >>> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 4, middle);
  return bytes;
}
