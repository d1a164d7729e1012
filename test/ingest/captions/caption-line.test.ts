import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CaptionLine, readCaptionLine } from "../../../src/ingest/captions/caption-line.ts";
import type { RecordFault } from "../../../src/ingest/joining/dataset-reading.ts";

function faultOf(line: unknown): RecordFault {
  const read = readCaptionLine(line);
  if ("fault" in read) return read;
  throw new Error("the line has no fault");
}

function lineOf(line: unknown): CaptionLine {
  const read = readCaptionLine(line);
  if ("fault" in read) throw new Error(read.evidence);
  return read;
}

const picture = "pictures/1.jpg";

describe("A line of captions.jsonl", () => {
  it("tells a picture and a caption, and is trained on unless it says otherwise", () => {
    const line = lineOf({ picture, text: "a red door" });
    expect(line).toMatchObject({ id: "", part: "train" });
    const picturePart = { path: picture, key: undefined, url: null, cocoId: null, license: null };
    expect(line.picture).toEqual(picturePart);
    expect(line.texts("9")).toEqual([
      {
        id: "9",
        kind: "caption",
        text: "a red door",
        label: null,
        answers: [],
        choices: [],
        box: null,
        context: null,
      },
    ]);
  });

  it("gives several captions ids of their own", () => {
    const texts = lineOf({ picture, texts: ["one", "two"] }).texts("shop-3");
    expect(texts.map(({ id, text }) => `${id} ${text}`)).toEqual(["shop-3-1 one", "shop-3-2 two"]);
  });

  it("counts the answers to a question in the order in which they are first given", () => {
    const line = lineOf({ picture, question: "What?", answers: ["b", "a", "b"] });
    const answers = [
      { answer: "b", count: 2 },
      { answer: "a", count: 1 },
    ];
    expect(line.texts("1")).toMatchObject([{ kind: "question", text: "What?", answers }]);
  });

  it("keeps a premise apart from the hypothesis", () => {
    const said = { hypothesis: "It is wet.", premise: "It rains.", label: "entailment" };
    expect(lineOf({ picture, ...said }).texts("1")).toMatchObject([
      { kind: "hypothesis", text: "It is wet.", context: "It rains.", label: "entailment" },
    ]);
  });

  it("is a region's description or an expression where it has a box", () => {
    const box = [1, 2.5, 3, 4];
    const expected = { x: 1, y: 2.5, width: 3, height: 4 };
    expect(lineOf({ picture, text: "a hat", box }).texts("1")).toMatchObject([
      { kind: "region-description", box: expected },
    ]);
    expect(lineOf({ picture, expression: "the hat", box }).texts("1")).toMatchObject([
      { kind: "expression", box: expected },
    ]);
  });

  it("may keep answers and labels of a test set to itself", () => {
    expect(lineOf({ picture, question: "What?", split: "test" }).texts("1")).toMatchObject([
      { answers: [] },
    ]);
    expect(lineOf({ picture, hypothesis: "So.", split: "test" }).texts("1")).toMatchObject([
      { label: null },
    ]);
  });

  it("may have members that are null, as tables are written", () => {
    const line = lineOf({ picture, text: "a", url: null, box: null, split: null, id: null });
    expect(line).toMatchObject({ id: "", part: "train" });
  });

  it.each([
    ["coco:391895", "coco:391895"],
    ["own:door", "own:door"],
    ["nlvr2:dev-850-0-img0", "nlvr2:dev-850-0-img0"],
  ])("may give the key %s", (key, expected) => {
    expect(lineOf({ picture, text: "a", key }).picture.key).toBe(expected);
  });

  it.each<readonly [string, unknown, string]>([
    ["no object", [1], "ANN_SHAPE: is no object"],
    [
      "another member",
      { picture, text: "a", license: "x" },
      "ANN_SHAPE: /license is no member of a line; the nearest is licence",
    ],
    ["no picture", { text: "a" }, "ANN_SHAPE: /picture is missing; expected the path"],
    ["a number for a picture", { picture: 1, text: "a" }, "ANN_SHAPE: /picture is 1; expected"],
    ["no text", { picture }, "ANN_SHAPE: has none of text, texts, question"],
    [
      "two contents",
      { picture, text: "a", question: "b", answers: ["c"] },
      "ANN_SHAPE: has text and question of text, texts",
    ],
    ["an empty list", { picture, texts: [] }, "ANN_SHAPE: /texts is []; expected a list of texts"],
    ["an empty text", { picture, text: " " }, "CAP_EMPTY: /text: it has no visible character"],
    ["one empty text", { picture, texts: ["a", ""] }, "CAP_EMPTY: /texts/1: it has no visible"],
    ["half a character", { picture, text: "\ud83d" }, "CAP_NOT_UNICODE: /text: it has a lone"],
    ["no answers", { picture, question: "a" }, "ANN_SHAPE: /answers is missing; expected a list"],
    ["no label", { picture, hypothesis: "a" }, "ANN_SHAPE: /label is missing; expected entail"],
    ["no box", { picture, expression: "a" }, "ANN_SHAPE: /box is missing; expected [x, y"],
    [
      "another label",
      { picture, hypothesis: "a", label: "yes" },
      'ANN_SHAPE: /label is "yes"; expected entailment, neutral, contradiction',
    ],
    [
      "a stray label",
      { picture, text: "a", label: "neutral" },
      "ANN_SHAPE: /label stands beside text; it belongs to hypothesis",
    ],
    ["a box of no size", { picture, text: "a", box: [0, 0, 0, 1] }, "ANN_BOX: /box is [0,0,0,1]"],
    ["a box outside", { picture, text: "a", box: [-1, 0, 2, 1] }, "ANN_BOX: /box is [-1,0,2,1]"],
    ["another split", { picture, text: "a", split: "dev" }, 'ANN_SHAPE: /split is "dev"; expected'],
    ["a key of no collection", { picture, text: "a", key: "x:1" }, 'ANN_SHAPE: /key is "x:1"'],
    [
      "a number that is spelled in another way",
      { picture, text: "a", key: "coco:000042" },
      'ANN_SHAPE: /key is "coco:000042"',
    ],
    ["a key like ours", { picture, text: "a", key: "own:a/b" }, 'ANN_SHAPE: /key is "own:a/b"'],
    ["no address", { picture, text: "a", url: "a.jpg" }, 'ANN_SHAPE: /url is "a.jpg"; expected'],
    ["no number", { picture, text: "a", coco_id: "x" }, 'ANN_SHAPE: /coco_id is "x"; expected'],
    ["a rounded id", { picture, text: "a", id: 2 ** 53 }, "ANN_SHAPE: /id is about 90071992547"],
  ])("is refused with %s", (_, line, expected) => {
    const { evidence, fault } = faultOf(line);
    expect(`${fault}: ${evidence}`).toContain(expected);
  });

  it("tells all of its faults at once, and its id", () => {
    const found = faultOf({ picture, txt: "a", split: "dev", id: 5 });
    expect(found).toMatchObject({ id: "5", fault: "ANN_SHAPE" });
    expect(found.evidence).toContain('/split is "dev"');
    expect(found.evidence).toContain("/txt is no member of a line; the nearest is text");
  });

  it("tells five faults of a line with a thousand", () => {
    const { evidence } = faultOf({ picture, texts: Array.from({ length: 1000 }, () => "") });
    expect(evidence).toMatch(/^\/texts\/0: .*; \/texts\/4: [^;]*; and 995 more$/);
  });

  it.each([
    ["/etc/a.jpg", "is absolute"],
    ["../a.jpg", "leaves the folder"],
    ["a/../../b.jpg", "leaves the folder"],
    ["./a.jpg", "has an empty part"],
    ["a//b.jpg", "has an empty part"],
    ["a/", "has an empty part"],
    ["", "has an empty part"],
    ["a\\b.jpg", "has a backslash"],
    ["a\0.jpg", "a control character"],
    ["\ud800.jpg", "a lone surrogate"],
    ["x".repeat(256), "is longer than"],
    ["abc/".repeat(300).concat("x"), "is longer than"],
  ])("is refused with the path %j", (path, evidence) => {
    const found = faultOf({ picture: path, text: "a" });
    expect(found.fault).toBe("ANN_PATH");
    expect(found.evidence).toContain(evidence);
  });
});

describe("CAPTIONS.md", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../CAPTIONS.md"), "utf8");

  it("shows lines that are read", () => {
    const shown = /```jsonl\n([^]+?)```/.exec(page)?.[1]?.trim().split("\n") ?? [];
    expect(shown.length).toBeGreaterThan(2);
    for (const line of shown) lineOf(JSON.parse(line));
  });

  it("tells every member that a line may have, and no other", () => {
    const members = Array.from(page.matchAll(/^\| `([a-z_]+)` /gm), (match) => match[1] ?? "");
    expect(members).toHaveLength(13);
    const beside = ["answers", "premise", "label"];
    for (const name of [...members, ...beside]) {
      expect(faultOf({ [name]: {} }).evidence).not.toContain("is no member of a line");
      expect(page).toContain(`\`${name}\``);
    }
  });
});
