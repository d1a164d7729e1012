import { describe, expect, it } from "vitest";
import { HostGate } from "../../../src/ingest/network/host-gate.ts";
import { NetFault } from "../../../src/core/network/net-fault.ts";
import { parseRetryAfter, retryPolicy, withRetries } from "../../../src/core/network/retries.ts";
import { parseRobots } from "../../../src/ingest/network/robots.ts";
import { TestClock } from "./test-clock.ts";

function failing(faults: readonly NetFault[]): {
  attempt: () => Promise<string>;
  made: () => number;
} {
  let made = 0;
  const attempt = (): Promise<string> => {
    const fault = faults[made];
    made += 1;
    return fault === undefined ? Promise.resolve("done") : Promise.reject(fault);
  };
  return { attempt, made: () => made };
}

const dropped = new NetFault("NET_CONNECTION", "dropped");

/** The waits before the attempts of one request, named by its key. */
async function delaysOf(key: number): Promise<number[]> {
  const clock = new TestClock();
  const options = { policy: retryPolicy, clock, randomKey: [1, key] };
  await withRetries(failing([dropped, dropped, dropped]).attempt, options);
  return clock.sleepsMs;
}

function busy(retryAfterMs: number): NetFault {
  return new NetFault("NET_BUSY", "busy", { retryAfterMs });
}

describe("retries", () => {
  it("wait longer each time, the same in every run, and not the same for another request", async () => {
    const [first, again, other] = [await delaysOf(1), await delaysOf(1), await delaysOf(2)];
    expect(first).toEqual(again);
    expect(first).not.toEqual(other);
    for (const [index, delayMs] of first.entries()) {
      expect(delayMs).toBeGreaterThanOrEqual(500 * 2 ** index);
      expect(delayMs).toBeLessThanOrEqual(1000 * 2 ** index);
    }
  });

  it("end after so many, and at once for a fault that will not pass", async () => {
    const clock = new TestClock();
    const options = { policy: retryPolicy, clock, randomKey: [1] };
    const many = failing(Array.from({ length: 9 }, () => dropped));
    await expect(withRetries(many.attempt, options)).rejects.toBe(dropped);
    expect(many.made()).toBe(retryPolicy.maxAttempts);
    const gone = new NetFault("NET_STATUS", "the server answered 404");
    const final = failing([gone]);
    await expect(withRetries(final.attempt, options)).rejects.toBe(gone);
    expect(final.made()).toBe(1);
  });

  it("begin anew when an attempt came farther than any before", async () => {
    const { attempt, made } = failing(Array.from({ length: 20 }, () => dropped));
    const options = { policy: retryPolicy, clock: new TestClock(), randomKey: [1] };
    expect(await withRetries(attempt, options, made)).toBe("done");
  });

  it("case 52: wait as long as the server asks, but not for longer than the limit", async () => {
    const clock = new TestClock();
    const options = { policy: retryPolicy, clock, randomKey: [1] };
    await withRetries(failing([busy(7000)]).attempt, options);
    expect(clock.sleepsMs).toEqual([7000]);
    const tooLong = failing([busy(86_400_000)]);
    await expect(withRetries(tooLong.attempt, options)).rejects.toMatchObject({ code: "NET_BUSY" });
    expect(tooLong.made()).toBe(1);
  });

  it.each([
    ["120", 120_000],
    ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
    ["Thu, 01 Jan 2015 00:00:00 GMT", 0],
    ["soon", undefined],
    ["-5", undefined],
    [undefined, undefined],
  ])("case 52: read Retry-After: %s as %s ms", (value, expected) => {
    expect(parseRetryAfter(value, Date.parse("2026-01-01T00:00:00Z"))).toBe(expected);
  });
});

describe("a gate", () => {
  it("lets so many go at a time, so many of them to one host, and all in the end", async () => {
    const gate = new HostGate({ concurrency: 4, perHost: 2, clock: new TestClock() });
    const going = new Map<string, number>();
    let all = 0;
    let most = 0;
    const mostOfHost = new Map<string, number>();
    const task = async (host: string): Promise<void> => {
      all += 1;
      going.set(host, (going.get(host) ?? 0) + 1);
      most = Math.max(most, all);
      mostOfHost.set(host, Math.max(mostOfHost.get(host) ?? 0, going.get(host) ?? 0));
      await new Promise(setImmediate);
      all -= 1;
      going.set(host, (going.get(host) ?? 0) - 1);
    };
    const hosts = Array.from({ length: 30 }, (_, index) => `host${index % 3}`);
    await Promise.all(hosts.map((host) => gate.run(host, () => task(host))));
    expect(most).toBe(4);
    expect(Math.max(...mostOfHost.values())).toBe(2);
  });

  it("asks nothing of a host that asked for a pause", async () => {
    const clock = new TestClock();
    const gate = new HostGate({ concurrency: 3, perHost: 2, clock });
    gate.pause("a", 5000);
    await gate.run("b", () => Promise.resolve());
    expect(clock.sleepsMs).toEqual([]);
    await gate.run("a", () => Promise.resolve());
    expect(clock.sleepsMs).toEqual([5000]);
  });

  it("keeps requests apart where a robots.txt asks for it", async () => {
    const clock = new TestClock();
    const gate = new HostGate({ concurrency: 3, perHost: 1, clock });
    gate.space("a", 2000);
    await Promise.all([1, 2, 3].map((value) => gate.run("a", () => Promise.resolve(value))));
    expect(clock.sleepsMs).toEqual([2000, 2000]);
  });
});

function delayOf(text: string): number {
  return parseRobots("http://a.org/robots.txt", text).crawlDelayMs;
}

describe("a robots.txt", () => {
  it.each([
    ["User-agent: *\nDisallow: /", false],
    ["User-agent: crossweave\nDisallow: /pictures", false],
    ["User-agent: otherbot\nDisallow: /", true],
    ["User-agent: *\nDisallow: /\nAllow: /pictures/", true],
    ["<html>not found</html>", true],
    ["", true],
  ])("case 52: %j allows a picture: %s", (text, allowed) => {
    const rules = parseRobots("http://example.org/robots.txt", text);
    expect(rules.allows("http://example.org/pictures/a.jpg")).toBe(allowed);
  });

  it("case 52: may ask for a delay, of half a minute at most", () => {
    expect(delayOf("User-agent: *\nCrawl-delay: 3")).toBe(3000);
    expect(delayOf("User-agent: *\nCrawl-delay: 86400")).toBe(30_000);
    expect(delayOf("User-agent: *\nCrawl-delay: soon")).toBe(0);
  });
});
