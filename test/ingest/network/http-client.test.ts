import type { LookupAddress } from "node:dns";
import { isIP } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HttpClient } from "../../../src/ingest/network/http-client.ts";
import type { NetFault } from "../../../src/core/network/net-fault.ts";
import type { RequestLimits } from "../../../src/core/network/request-watch.ts";
import { answers, drops, HostileServer, redirectsTo, sends } from "./hostile-server.ts";
import { TestClock } from "../../core/network/test-clock.ts";

const limits: RequestLimits = {
  headersTimeoutMs: 30_000,
  idleTimeoutMs: 20_000,
  totalTimeoutMs: 600_000,
  minBytesPerSecond: 1000,
  speedWindowMs: 60_000,
  maxBytes: 1_000_000,
};

let server: HostileServer;
/** A server that nobody has named as trusted. */
let inner: HostileServer;
beforeAll(async () => {
  server = await HostileServer.start();
  inner = await HostileServer.start({ "/secret": sends("secret") });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await inner[Symbol.asyncDispose]();
});

interface Given {
  readonly clock?: TestClock;
  readonly trusted?: readonly string[];
  readonly resolve?: (hostname: string) => Promise<readonly LookupAddress[]>;
}

/** The text of a URL and where it came from, or the fault. */
async function fetched(url: string, given: Given = {}): Promise<{ text: string; from: string }> {
  await using client = new HttpClient({
    trustedOrigins: new Set(given.trusted ?? [server.origin]),
    resolve: given.resolve,
    connectionsPerOrigin: 2,
    clock: given.clock ?? new TestClock(),
    userAgent: "crossweave-test",
  });
  using response = await client.get(url, { limits });
  const chunks = await Array.fromAsync(response.decodedBody());
  return { text: Buffer.concat(chunks).toString(), from: response.url.href };
}

async function faultOf(url: string, given?: Given): Promise<NetFault> {
  return fetched(url, given).then(
    ({ text }) => {
      throw new Error(`fetched ${text}`);
    },
    (error: NetFault) => error,
  );
}

function resolveTo(...addresses: readonly string[]): NonNullable<Given["resolve"]> {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return () => Promise.resolve(found);
}

describe("URLs", () => {
  it.each([
    ["NET_PRIVATE", "http://127.0.0.1/"],
    ["NET_PRIVATE", "http://10.0.0.1/x"],
    ["NET_PRIVATE", "http://169.254.169.254/latest/meta-data/"],
    ["NET_PRIVATE", "http://[::1]/"],
    ["NET_PRIVATE", "http://[::ffff:127.0.0.1]/"],
    ["NET_PRIVATE", "http://0x7f000001/"],
    ["NET_PRIVATE", "http://0177.0.0.1/"],
    ["NET_PRIVATE", "http://2130706433/"],
    ["NET_PRIVATE", "http://127.1/"],
    ["NET_PRIVATE", "http://①②⑦.0.0.1/"],
    ["NET_PRIVATE", "http://localhost/"],
    ["NET_PRIVATE", "http://LOCALHOST./"],
    ["NET_PRIVATE", "http://metadata.google.internal/"],
    ["NET_PRIVATE", "http://printer.local/"],
    ["NET_SCHEME", "file:///etc/passwd"],
    ["NET_SCHEME", "ftp://example.org/a.zip"],
    ["NET_SCHEME", "data:image/png;base64,AAAA"],
    ["NET_SCHEME", "javascript:alert(1)"],
    ["NET_CREDENTIALS", "https://user:secret@example.org/"],
    ["NET_URL", "no url at all"],
    ["NET_URL", "http://999.1.1.1/"],
  ])("case 47: %s refuses %s before anything is asked", async (code, url) => {
    const fault = await faultOf(url, { trusted: [] });
    expect(fault).toMatchObject({ code, isFinal: true });
    expect(fault.message).not.toContain("secret");
  });

  it("case 47: a name that resolves to a private address is refused on the connected address", async () => {
    const visits = inner.requests.length;
    const url = `http://pictures.example.org:${inner.port}/secret`;
    const fault = await faultOf(url, { resolve: resolveTo("127.0.0.1") });
    expect(fault).toMatchObject({ code: "NET_PRIVATE", isFinal: true });
    expect(inner.requests.length).toBe(visits);
  });

  it("case 47: one private address among public ones is refused", async () => {
    const resolve = resolveTo("8.8.8.8", "::1");
    expect(await faultOf("http://mixed.example.org/", { resolve })).toMatchObject({
      code: "NET_PRIVATE",
    });
  });

  it("case 47: a name is resolved once, so that it cannot be another address the second time", async () => {
    const answered: string[] = [];
    const resolve = (hostname: string) => {
      answered.push(hostname);
      // A rebinding name server: public for the check, private for the connection.
      const address = answered.length === 1 ? "127.0.0.1" : "8.8.8.8";
      return Promise.resolve([{ address, family: 4 }]);
    };
    expect(await faultOf("http://rebinding.example.org/", { resolve })).toMatchObject({
      code: "NET_PRIVATE",
    });
    expect(answered).toEqual(["rebinding.example.org"]);
  });

  it("an origin that the user has named may be private", async () => {
    server.routes["/ok"] = sends("fine");
    expect(await fetched(`${server.origin}/ok`)).toEqual({
      text: "fine",
      from: `${server.origin}/ok`,
    });
  });
});

describe("redirects", () => {
  it("are followed, five at most", async () => {
    for (let hop = 0; hop < 8; hop += 1)
      server.routes[`/hop${hop}`] = redirectsTo(`/hop${hop + 1}?step=${hop}`);
    for (let hop = 1; hop < 8; hop += 1)
      server.routes[`/hop${hop}?step=${hop - 1}`] = redirectsTo(`/hop${hop + 1}?step=${hop}`);
    server.routes["/hop5?step=4"] = sends("there");
    expect(await fetched(`${server.origin}/hop0`)).toEqual({
      text: "there",
      from: `${server.origin}/hop5?step=4`,
    });
  });

  it("case 48: more than five are refused, with the chain", async () => {
    for (let hop = 0; hop < 8; hop += 1)
      server.routes[`/long${hop}`] = redirectsTo(`/long${hop + 1}`);
    const fault = await faultOf(`${server.origin}/long0`);
    expect(fault).toMatchObject({ code: "NET_REDIRECT", isFinal: true });
    expect(fault.message).toContain(`${server.origin}/long5 → ${server.origin}/long6`);
  });

  it("case 48: a circle is refused", async () => {
    server.routes["/a"] = redirectsTo("/b");
    server.routes["/b"] = redirectsTo("/a");
    const fault = await faultOf(`${server.origin}/a`);
    expect(fault).toMatchObject({ code: "NET_REDIRECT" });
    expect(fault.message).toMatch(/in a circle: .*\/a → .*\/b → .*\/a$/);
  });

  it.each([
    ["NET_SCHEME", "file:///etc/passwd"],
    ["NET_CREDENTIALS", "http://user:secret@example.org/?token=hidden"],
    ["NET_PRIVATE", "http://169.254.169.254/latest"],
    ["NET_PRIVATE", "http://[::ffff:7f00:1]/"],
  ])("case 48: %s refuses a redirect to %s", async (code, location) => {
    server.routes["/away"] = redirectsTo(location);
    const fault = await faultOf(`${server.origin}/away`);
    expect(fault).toMatchObject({ code, isFinal: true });
    expect(fault.message).not.toMatch(/secret|hidden/);
  });

  it("case 48: a redirect to another port of a private host is refused, and nothing is asked of it", async () => {
    server.routes["/inner"] = redirectsTo(`${inner.origin}/secret`);
    const visits = inner.requests.length;
    expect(await faultOf(`${server.origin}/inner`)).toMatchObject({ code: "NET_PRIVATE" });
    expect(inner.requests.length).toBe(visits);
  });

  it("case 48: a redirect to what is no URL is refused", async () => {
    server.routes["/nowhere"] = redirectsTo("http://[");
    expect(await faultOf(`${server.origin}/nowhere`)).toMatchObject({ code: "NET_REDIRECT" });
  });
});

describe("bodies", () => {
  it("case 49: an endless body is cut at the limit", async () => {
    server.routes["/endless"] = (response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024, "x");
      const write = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", write);
      write();
    };
    expect(await faultOf(`${server.origin}/endless`)).toMatchObject({ code: "NET_TOO_LARGE" });
  });

  it.each([
    ["gzip", gzipSync(Buffer.alloc(50_000_000))],
    ["x-gzip", gzipSync(Buffer.alloc(50_000_000))],
  ])("case 49: a body that %s makes huge is cut at the limit", async (encoding, body) => {
    server.routes["/bomb"] = sends(body, { "content-encoding": encoding });
    expect(await faultOf(`${server.origin}/bomb`)).toMatchObject({ code: "NET_TOO_LARGE" });
  });

  it("an encoding that was not asked for is undone when it is known, refused when not", async () => {
    server.routes["/gzip"] = sends(gzipSync("fine"), { "content-encoding": "gzip" });
    server.routes["/odd"] = sends("odd", { "content-encoding": "compress" });
    server.routes["/bad"] = sends("no gzip", { "content-encoding": "gzip" });
    expect((await fetched(`${server.origin}/gzip`)).text).toBe("fine");
    expect(await faultOf(`${server.origin}/odd`)).toMatchObject({ code: "NET_ENCODING" });
    expect(await faultOf(`${server.origin}/bad`)).toMatchObject({ code: "NET_ENCODING" });
  });

  it("case 49: a server that never answers is given up", async () => {
    const clock = new TestClock();
    server.routes["/silent"] = () => clock.advance(31_000);
    expect(await faultOf(`${server.origin}/silent`, { clock })).toMatchObject({
      code: "NET_TIMEOUT",
      isFinal: false,
      message: "there was no answer after 30 s",
    });
  });

  it("case 49: a body that stops in the middle is given up", async () => {
    const clock = new TestClock();
    server.routes["/stalls"] = (response) => {
      response.writeHead(200, { "content-length": 100 });
      // The client has the head and a byte before the time is up.
      response.write("x", () => setImmediate(() => setImmediate(() => clock.advance(21_000))));
    };
    expect(await faultOf(`${server.origin}/stalls`, { clock })).toMatchObject({
      code: "NET_TIMEOUT",
      isFinal: false,
    });
  });

  it("case 49: a body that drips is given up for its speed", async () => {
    const clock = new TestClock();
    server.routes["/drips"] = (response) => {
      response.writeHead(200);
      const drip = (): void => {
        clock.advance(10_000);
        if (!response.destroyed) response.write("x", () => void setImmediate(drip));
      };
      drip();
    };
    const fault = await faultOf(`${server.origin}/drips`, { clock });
    expect(fault.code).toMatch(/NET_TOO_SLOW|NET_TIMEOUT/);
    expect(fault.isFinal).toBe(false);
  });

  it("case 49: a body shorter than its length is a fault that may pass", async () => {
    server.routes["/short"] = drops(Buffer.from("0123456789"), 4);
    expect(await faultOf(`${server.origin}/short`)).toMatchObject({
      code: "NET_CONNECTION",
      isFinal: false,
    });
  });

  it("case 49: a body longer than its length is cut there", async () => {
    server.routes["/long"] = (response) => {
      response.socket?.end("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n0123456789");
    };
    const outcome = await fetched(`${server.origin}/long`).catch((error: NetFault) => error.code);
    expect(outcome).toSatisfy(
      (found) => found === "NET_CONNECTION" || JSON.stringify(found).includes('"text":"0123"'),
    );
  });

  it("a server that cannot be reached is a fault that may pass", async () => {
    const gone = await HostileServer.start();
    const { origin } = gone;
    await gone[Symbol.asyncDispose]();
    expect(await faultOf(origin, { trusted: [origin] })).toMatchObject({
      code: "NET_CONNECTION",
      isFinal: false,
    });
  });

  it("an answer that is no HTTP is a fault that may pass", async () => {
    server.routes["/garbage"] = (response) => void response.socket?.end("SSH-2.0-OpenSSH\r\n");
    expect(await faultOf(`${server.origin}/garbage`)).toMatchObject({ code: "NET_CONNECTION" });
  });

  it("a status is an answer, not a fault", async () => {
    server.routes["/teapot"] = answers(418);
    expect((await fetched(`${server.origin}/teapot`)).text).toBe("");
  });
});
