import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { array, assert, nat, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { createBarDisplay, createLineDisplay } from "../../src/cli/terminal/progress-display.ts";

/** A line display on a clock that the test turns. */
function lineDisplay() {
  const lines: string[] = [];
  const clock = { nowMs: 0 };
  const display = createLineDisplay({
    write: (text) => lines.push(text),
    now: () => clock.nowMs,
  });
  return { clock, display, lines };
}

function reading(done: number, total?: number) {
  return { activity: "pictures", done, total, unit: "pictures" };
}

describe("progress in a log", () => {
  it("is a line every 30 s with amount, pace and time left", () => {
    const { clock, display, lines } = lineDisplay();
    using _ = display;
    display.report(reading(0, 5000));
    clock.nowMs = 30_000;
    display.report({ ...reading(1500, 5000), note: "loss 2.31" });
    expect(lines).toEqual([
      "pictures: 1,500 of 5,000 pictures · 50/s · 1 min 10 s left · loss 2.31\n",
    ]);
  });

  it("never has two lines within 30 s, whatever is reported", () => {
    assert(
      property(array(nat(40_000), { maxLength: 60 }), (steps) => {
        const { clock, display, lines } = lineDisplay();
        using _ = display;
        let lastLineMs = 0;
        for (const step of steps) {
          clock.nowMs += step;
          const before = lines.length;
          display.report(reading(clock.nowMs));
          if (lines.length === before) continue;
          expect(clock.nowMs - lastLineMs).toBeGreaterThanOrEqual(30_000);
          lastLineMs = clock.nowMs;
        }
      }),
    );
  });

  it("tells bytes as a person reads them, with their speed", () => {
    const { clock, display, lines } = lineDisplay();
    using _ = display;
    display.report({ activity: "fetching", done: 0, total: 252_872_794, unit: "bytes" });
    clock.nowMs = 30_000;
    display.report({ activity: "fetching", done: 63_000_001, total: 252_872_794, unit: "bytes" });
    expect(lines).toEqual(["fetching: 63.0 MB of 252.9 MB · 2.1 MB/s · 1 min 30 s left\n"]);
  });

  it("shows messages at once", () => {
    const { display, lines } = lineDisplay();
    using _ = display;
    display.say("3 shards are there already");
    expect(lines).toEqual(["3 shards are there already\n"]);
  });

  it("spells out control characters of what is being done", () => {
    const { clock, display, lines } = lineDisplay();
    using _ = display;
    clock.nowMs = 30_000;
    display.report({ ...reading(1), activity: "file \u001b]0;x\u0007\n" });
    expect(lines[0]).toBe(String.raw`file \x1b]0;x\x07\x0a: 1 pictures` + "\n");
  });
});

describe("progress on a terminal", () => {
  it("is one bar, with messages above it and one line for what is finished", async () => {
    const screen = new PassThrough({ encoding: "utf8" });
    const display = await createBarDisplay(screen);
    display.report(reading(0, 4));
    display.say("a message");
    display.report(reading(2, 4));
    display.report(reading(4, 4));
    display[Symbol.dispose]();
    const drawn: unknown = screen.read();
    expect(drawn).toContain("░░░░░░░░░░░░░░░░░░░░░░░░ pictures: 0 of 4 pictures");
    expect(drawn).toContain("████████████░░░░░░░░░░░░ pictures: 2 of 4 pictures");
    expect(drawn).toContain("a message\n");
    expect(drawn).toMatch(/pictures: 4 pictures in 0 s\n$/);
  });

  it.each([
    {
      columns: 200,
      lines: [`${"░".repeat(24)} training: 0 of 2,500 steps · loss 6.508 · mlm 5.250`],
    },
    {
      columns: 70,
      lines: [`${"░".repeat(24)} training: 0 of 2,500 steps`, "  loss 6.508 · mlm 5.250"],
    },
    {
      columns: 40,
      lines: [`${"░".repeat(12)} training: 0 of 2,500 steps`, "  loss 6.508 · mlm 5.250"],
    },
    { columns: 20, lines: ["training: 0 of 2,5…", "  loss 6.508 · mlm…"] },
  ])("fits $columns columns without wrapping", async ({ columns, lines }) => {
    const screen = Object.assign(new PassThrough({ encoding: "utf8" }), { columns });
    const display = await createBarDisplay(screen);
    display.report({
      activity: "training",
      done: 0,
      total: 2500,
      unit: "steps",
      note: "loss 6.508 · mlm 5.250",
    });
    const drawn = stripVTControlCharacters(String(screen.read()));
    display[Symbol.dispose]();
    expect(drawn.trimEnd().split("\n")).toEqual(lines);
  });
});
