import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** Answers one request; `visit` counts the requests to this path from 1. */
export type Route = (
  response: ServerResponse,
  request: IncomingMessage,
  visit: number,
) => Promise<void> | void;

/** A server on loopback whose routes do what a hostile or broken server does. */
export class HostileServer implements AsyncDisposable {
  readonly #server: Server;
  readonly routes: Record<string, Route>;
  /** Path and Range header of every request. */
  readonly requests: { readonly path: string; readonly range: string | undefined }[] = [];

  private constructor(routes: Record<string, Route>) {
    this.routes = routes;
    const visits = new Map<string, number>();
    this.#server = createServer((request, response) => {
      const path = request.url ?? "";
      const visit = (visits.get(path) ?? 0) + 1;
      visits.set(path, visit);
      this.requests.push({ path, range: request.headers.range });
      const route = this.routes[path];
      if (route === undefined) response.writeHead(404).end();
      else void route(response, request, visit);
    });
  }

  static async start(routes: Record<string, Route> = {}): Promise<HostileServer> {
    const server = new HostileServer(routes);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How often a path was asked for. */
  visits(path: string): number {
    return this.requests.filter((request) => request.path === path).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** A whole answer with its length. */
export function sends(body: string | Uint8Array, headers: Record<string, string> = {}): Route {
  return (response) => {
    response.writeHead(200, { "content-length": Buffer.byteLength(body), ...headers }).end(body);
  };
}

export function answers(status: number, headers: Record<string, string> = {}): Route {
  return (response) => void response.writeHead(status, headers).end();
}

export function redirectsTo(location: string): Route {
  return answers(302, { location });
}

/** An answer that serves ranges, with a validator. */
export function servesRanges(body: Buffer, etag: () => string = () => '"v1"'): Route {
  return (response, request) => {
    const [, start] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    const isFresh = (request.headers["if-range"] ?? etag()) === etag();
    const headers = { etag: etag(), "accept-ranges": "bytes" };
    if (start === undefined || !isFresh)
      response.writeHead(200, { ...headers, "content-length": body.length }).end(body);
    else {
      const range = `bytes ${start}-${body.length - 1}/${body.length}`;
      const part = body.subarray(Number(start));
      response
        .writeHead(206, { ...headers, "content-range": range, "content-length": part.length })
        .end(part);
    }
  };
}

/** Sends a part of a body, says that all of it comes, and drops the connection. */
export function drops(body: Buffer, numBytes: number): Route {
  return dropsAfter(body, numBytes, () => Promise.resolve());
}

/** As `drops`, from where the client wants it, once `isTaken` says that the client has taken the part. */
export function dropsAfter(
  body: Buffer,
  numBytes: number,
  isTaken: (numBytes: number) => Promise<void>,
): Route {
  return async (response, request) => {
    const [, from = "0"] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    const start = Number(from);
    const range = { "content-range": `bytes ${start}-${body.length - 1}/${body.length}` };
    response.writeHead(start === 0 ? 200 : 206, {
      etag: '"v1"',
      "content-length": body.length - start,
      ...(start === 0 ? {} : range),
    });
    const end = Math.min(body.length, start + numBytes);
    response.write(body.subarray(start, end));
    await isTaken(end);
    response.destroy();
  };
}
