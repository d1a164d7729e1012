import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditPage, PagePair } from "../../../src/report/audit-page/audit-page.ts";
import { thumbnailBytes } from "../../../src/report/audit-page/page-limits.ts";
import { renderAuditPage } from "../../../src/report/audit-page/render-audit-page.ts";
import { launchBrowser } from "../headless-browser.ts";
import { OpenedPage } from "./opened-page.ts";
import { samplePage, samplePair, sampleTextPair } from "./sample-audit-page.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

function open(page: AuditPage): Promise<OpenedPage> {
  return OpenedPage.open(browser, renderAuditPage(page));
}

// A green WebP of one pixel.
const webp = Buffer.from("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA", "base64");

/** A picture of exactly so many bytes, unlike every other: what follows the WebP in the file is not looked at. */
function pictureOfSize(sizeBytes: number, index: number): Uint8Array {
  const bytes = Buffer.alloc(sizeBytes);
  webp.copy(bytes);
  for (let at = webp.length; at + 4 <= sizeBytes; at += 4) bytes.writeUInt32LE(index, at);
  return bytes;
}

function pairs(count: number, changes: Partial<PagePair> = {}): PagePair[] {
  return Array.from({ length: count }, (_, index) => samplePair(index, changes));
}

function pictures(count: number, sizeBytes = 100): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => pictureOfSize(sizeBytes, index));
}

function decision(index: number, made: string, note = ""): object {
  return {
    decision: made,
    eval: `coco:${index}`,
    note,
    rule: "near-duplicate",
    train: `vg:${index}`,
  };
}

const shownKeys = ".pair[aria-current=true] figcaption code";

describe("the page of an audit in a browser", () => {
  it("holds 1,000 pairs of 2,000 of the largest thumbnails in 20 MB and asks for nothing", async () => {
    const page = samplePage(pairs(1000), pictures(2000, thumbnailBytes(2000)));
    await using opened = await open(page);
    expect(opened.sizeBytes).toBeLessThanOrEqual(20_000_000);
    expect(await opened.page.locator(".pair").count()).toBe(50);
    expect(await opened.text("#page-number")).toBe("page 1 of 20");
    await opened.press("[", "]", "]");
    expect(await opened.text(shownKeys)).toBe("vg:100");
    const widths = await opened.page
      .locator(".pair img")
      .evaluateAll((images) =>
        images.map((image) => ("naturalWidth" in image ? image.naturalWidth : 0)),
      );
    expect(widths).toEqual(widths.map(() => 1));
    expect(widths).toHaveLength(100);
    expect(opened.requests).toEqual([]);
    expect(opened.messages).toEqual([]);
  });

  it("turns 10,000 pairs page by page", async () => {
    const ten = samplePage(pairs(10_000), pictures(20_000));
    await using opened = await open({ ...ten, totals: { ...ten.totals, leaks: 2_000_000 } });
    expect(await opened.page.locator(".pair").count()).toBe(50);
    expect(await opened.text("#review .note")).toContain("10,000 of 2,000,000 leaks");
    await opened.press("]", "j");
    expect(await opened.text(".pair[aria-current=true] header")).toContain("52 of 10,000");
  });

  it("shows scripts in names and texts as text, and runs none of them (case 58)", async () => {
    const script = `<script>alert(1)</script><img src=x onerror="alert(2)"></script>`;
    const pair = samplePair(0, { rule: script, alsoBy: [script], kind: script });
    const hostile: PagePair = {
      ...pair,
      train: { ...pair.train, key: `vcr:${script}`, set: script, scene: script },
      chain: [{ from: script, to: script, rule: script, evidence: script }],
      measures: [{ name: script, detail: script }],
    };
    const text = sampleTextPair(
      `${script} "><svg onload=alert(3)>`,
      `javascript:alert(4)//${script}`,
    );
    const page = samplePage([hostile, text], pictures(2));
    await using opened = await open({
      ...page,
      summary: script,
      notes: [script],
      methods: [{ name: script, detail: script }],
      decisions: [{ train: script, eval: script, decision: "deny", rule: script, note: script }],
    });
    expect(await opened.text(".pair")).toContain(script);
    expect(await opened.text(".pair blockquote")).toContain("<svg onload=alert(3)>");
    expect(await opened.page.locator("main script, main svg, [onerror], [src=x]").count()).toBe(0);
    await opened.press("j", "a", "?");
    expect(opened.messages).toEqual([]);
    expect(opened.requests).toEqual([]);
  });

  it("spells out what would reorder a name, and decides on the name as it is (case 25)", async () => {
    const [key, shown] = [
      "vcr:1\u202e\u2066gnp\u0007\u2028",
      "vcr:1\\u202e\\u2066gnp\\u0007\\u2028",
    ];
    const pair = samplePair(0);
    const page = samplePage(
      [{ ...pair, train: { ...pair.train, key, scene: key } }, sampleTextPair(key, key)],
      pictures(2),
    );
    await using opened = await open(page);
    expect(await opened.text(shownKeys)).toBe(shown);
    expect(await opened.text(".pair blockquote")).toBe(shown);
    const [main, title] = await opened.page.evaluate(() => [
      document.querySelector("main")?.textContent ?? "",
      document.querySelector(".pair img")?.getAttribute("title"),
    ]);
    expect([title, /[\u202e\u2066\u2028]/.test(main ?? "")]).toEqual([shown, false]);
    await opened.press("a");
    const list: unknown = JSON.parse(await opened.saved(() => opened.press("s")));
    expect(list).toMatchObject({ decisions: [{ train: key, decision: "deny" }] });
  });

  it("forbids the network to whatever would run in it", async () => {
    await using opened = await open(samplePage(pairs(1), pictures(2)));
    const answer = await opened.page.evaluate(() =>
      fetch("https://example.org/").then(
        () => "answered",
        () => "refused",
      ),
    );
    expect(answer).toBe("refused");
    expect(opened.messages.join(" ")).toContain("Content Security Policy");
    expect(opened.requests).toEqual([]);
  });
});

describe("the review by keyboard", () => {
  it("moves, accepts, rejects and undoes, and saves what was decided", async () => {
    await using opened = await open(samplePage(pairs(120), pictures(240)));
    await opened.press("j", "ArrowDown", "k"); // on the second pair
    await opened.press("a", "r", "r", "u"); // 2 denied, 3 allowed, 4 taken back
    expect(await opened.text(shownKeys)).toBe("vg:3");
    expect(await opened.text("#counts")).toBe("1 denied, 1 allowed · not saved as a file yet");
    await opened.press("]", "n");
    await opened.page.keyboard.type("a jar, not a lamp");
    await opened.press("Enter", "r", "a", "k", "n");
    await opened.page.keyboard.type("!");
    await opened.press("Enter", "u", "u");
    const list = await opened.saved(() => opened.press("s"));
    expect(list.endsWith("\n")).toBe(true);
    expect(JSON.parse(list)).toEqual({
      auditDigest: samplePage([]).digest,
      decisions: [
        decision(1, "deny"),
        decision(2, "allow"),
        decision(50, "allow", "a jar, not a lamp"),
      ],
      format: "crossweave-decisions",
      version: 1,
    });
    expect(await opened.text("#counts")).toBe("1 denied, 2 allowed");
  });

  it("allows no pair that key, bytes or pixels prove, and says so", async () => {
    await using opened = await open(samplePage(pairs(1, { proven: true }), pictures(2)));
    await opened.press("r");
    expect(await opened.text("#status")).toContain("it stays a leak: the two have the same key");
    await opened.page.locator("[data-action=allow]").click({ force: true });
    expect(await opened.text("#counts")).toBe("0 denied, 0 allowed");
  });

  it("decides on nothing while a person writes a note, chooses a filter or reads the keys", async () => {
    await using opened = await open(samplePage(pairs(3), pictures(6)));
    await opened.press("?", "a");
    expect(await opened.text("dialog")).toContain("save the allow/deny list");
    await opened.press("Escape");
    await opened.page.locator("select[name=rule]").focus();
    await opened.press("r", "a");
    expect(await opened.text("#counts")).toBe("0 denied, 0 allowed");
  });

  it("filters by list, rule, split and decision", async () => {
    const suspect = samplePair(7, { list: "suspect", kind: "" });
    const photo = samplePair(8, { rule: "same-flickr-photo" });
    const other = { ...samplePair(9), eval: { ...samplePair(9).eval, split: "val" } };
    const page = samplePage([...pairs(3), suspect, photo, other, sampleTextPair("a", "b")]);
    await using opened = await open({
      ...page,
      pictures: pictures(20),
    });
    const shown = async (name: string, value: string): Promise<string> => {
      await opened.page.selectOption(`select[name=${name}]`, value);
      const words = await opened.text("#status");
      await opened.page.selectOption(`select[name=${name}]`, "");
      return words;
    };
    expect(await shown("list", "suspect")).toBe("1 pair is shown");
    expect(await shown("rule", "same-flickr-photo")).toBe("1 pair is shown");
    expect(await shown("evaluation", "coco/test")).toBe("6 pairs are shown");
    await opened.page.locator("#cards [data-action=deny]").first().click();
    expect(await shown("decided", "deny")).toBe("1 pair is shown");
    expect(await shown("decided", "open")).toBe("5 pairs are shown");
  });

  it("goes on where a saved list, or the same page before, ended", async () => {
    const made = {
      train: "vg:0",
      eval: "coco:0",
      decision: "deny",
      rule: "same-url",
      note: "x",
    } as const;
    const page = { ...samplePage(pairs(3), pictures(6)), decisions: [made] };
    await using opened = await open(page);
    expect(await opened.text(".pair footer")).toContain("denied: it is a leak");
    await opened.press("r", "r"); // the first one otherwise than before
    await opened.page.reload();
    expect(await opened.text("#counts")).toBe("0 denied, 2 allowed");
    const list = JSON.stringify({
      auditDigest: "0",
      decisions: [{ ...made, train: "vg:2", eval: "coco:2" }],
      format: "crossweave-decisions",
      version: 1,
    });
    const file = { name: "list.json", mimeType: "application/json", buffer: Buffer.from(list) };
    await opened.page.setInputFiles("#open-list", file);
    await opened.page.getByText("took over the decisions of list.json").waitFor();
    expect(await opened.text("#counts")).toContain("1 denied, 2 allowed");
    await opened.page.setInputFiles("#open-list", { ...file, buffer: Buffer.from("[]") });
    await opened.page.getByText("list.json was not read: it is no crossweave-decisions").waitFor();
  });
});
