import { describe, expect, it } from "vitest";
import { whyForbidden } from "../../../src/ingest/network/address-rules.ts";
import { redirectTarget } from "../../../src/ingest/network/redirects.ts";
import { RequestWatch } from "../../../src/core/network/request-watch.ts";
import { TestClock } from "../../core/network/test-clock.ts";

describe("addresses", () => {
  it.each([
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "100::1",
    "4000::1",
    "localhost",
  ])("case 47: %s is refused", (address) => {
    expect(whyForbidden(address)).toMatch(/^is /);
  });

  it.each(["8.8.8.8", "151.101.1.69", "2606:4700::6810:84e5", "64:ff9b::8.8.8.8"])(
    "%s is allowed",
    (address) => {
      expect(whyForbidden(address)).toBe(undefined);
    },
  );
});

describe("a redirect", () => {
  const from = [new URL("https://example.org/a?token=hidden")];

  it("case 48: from https to http is refused, from http to https and among https is not", () => {
    expect(() => redirectTarget(from, "http://example.org/b", new Set())).toThrow(
      "from https to http: https://example.org/a?… → http://example.org/b",
    );
    expect(redirectTarget(from, "/b", new Set()).href).toBe("https://example.org/b");
    expect(redirectTarget(from, "//cdn.example.org/b", new Set()).href).toBe(
      "https://cdn.example.org/b",
    );
    expect(
      redirectTarget([new URL("http://example.org/a")], "https://example.org/a", new Set()).href,
    ).toBe("https://example.org/a");
  });
});

describe("a watched request", () => {
  const limits = {
    headersTimeoutMs: 30_000,
    idleTimeoutMs: 20_000,
    totalTimeoutMs: 100_000,
    minBytesPerSecond: 1000,
    speedWindowMs: 10_000,
    maxBytes: 1_000_000,
  };

  /** Why a request is aborted that brings so many bytes a second for so long. */
  function faultAfter(seconds: number, bytesPerSecond: number): unknown {
    const clock = new TestClock();
    using watch = new RequestWatch(limits, clock, undefined);
    watch.headArrived();
    for (let second = 0; second < seconds && !watch.signal.aborted; second += 1) {
      clock.advance(1000);
      if (bytesPerSecond > 0) watch.received(bytesPerSecond);
    }
    return watch.signal.reason;
  }

  it("case 49: is aborted when it is too slow, stands still, or takes too long", () => {
    expect(faultAfter(60, 1200)).toBe(undefined);
    expect(faultAfter(60, 500)).toMatchObject({ code: "NET_TOO_SLOW", isFinal: false });
    expect(faultAfter(60, 1)).toMatchObject({ code: "NET_TOO_SLOW" });
    expect(faultAfter(102, 1200)).toMatchObject({
      code: "NET_TIMEOUT",
      message: "it was not done after 100 s",
    });
  });

  it("case 49: is aborted when no head comes, and passes the caller's abort on", () => {
    const clock = new TestClock();
    using watch = new RequestWatch(limits, clock, undefined);
    clock.advance(29_000);
    expect(watch.signal.aborted).toBe(false);
    clock.advance(2000);
    expect(watch.signal.reason).toMatchObject({ message: "there was no answer after 30 s" });
    using stopped = new RequestWatch(limits, clock, AbortSignal.abort("stop"));
    expect(stopped.signal.reason).toBe("stop");
  });

  it("case 49: may bring so many bytes and no more", () => {
    using watch = new RequestWatch(limits, new TestClock(), undefined);
    watch.received(1_000_000);
    expect(() => watch.received(1)).toThrow("it is larger than 1000000 bytes");
  });
});
