import { describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import {
  captionsOf,
  pictureWordsOf,
  type PictureWord,
  regionPhrasesOf,
} from "../../../src/ingest/small-world/phrases.ts";
import { viewOf } from "../../../src/ingest/small-world/picture.ts";
import { drawPhotograph, type View } from "../../../src/ingest/small-world/scene.ts";
import { maskWord } from "../../../src/loader/text/masking.ts";
import { WordPieceTokenizer } from "../../../src/loader/text/word-piece.ts";
import { chiSquare, chiSquareLimit } from "../../loader/chi-square.ts";

function drawnView(index: number): View {
  return viewOf(drawPhotograph("any", new RandomStream(5, index)), { kind: "drawn" });
}

/** One caption of each of so many pictures. */
function captions(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const [caption = ""] = captionsOf(drawnView(index), new RandomStream(6, index), 1);
    return caption;
  });
}

function briefly({ candidates, kind, word, wordIndex }: PictureWord): string {
  return `${wordIndex} ${word} ${kind} of ${candidates.length}`;
}

describe("words that only the picture decides", () => {
  it.each([
    [
      "A small red circle left of a large blue star.",
      ["2 red color of 6", "3 circle shape of 6", "8 blue color of 6", "9 star shape of 6"],
    ],
    // Not blue, as no two objects are alike.
    [
      "a red circle, a blue circle and a black ring",
      [
        "1 red color of 5",
        "2 circle shape of 6",
        "5 blue color of 5",
        "6 circle shape of 6",
        "9 black color of 6",
        "10 ring shape of 6",
      ],
    ],
    ["a red circle and a red star", ["1 red color of 6", "2 circle shape of 5"]],
    [
      "three shapes, all of them large red crosses",
      ["0 three number of 2", "7 red color of 6", "8 crosses shape of 6"],
    ],
    [
      "two small stars, all of them black",
      ["0 two number of 2", "2 stars shape of 6", "7 black color of 6"],
    ],
    ["three shapes, a red circle, a blue star and a black ring", ["4 red color of 6"]],
    ["one of three red circles", ["3 red color of 6", "4 circles shape of 6"]],
    ["a circle that is red", ["1 circle shape of 6", "4 red color of 6"]],
  ])("are told of %s", (text, expected) => {
    expect(pictureWordsOf(text).map(briefly).slice(0, expected.length)).toEqual(expected);
  });

  it("T-17: have each candidate equally often, whatever the rest of the caption says", () => {
    const places = new Map<string, number[]>();
    for (const caption of captions(12_000)) {
      const words = pictureWordsOf(caption);
      for (const { candidates, chance, kind, word } of words) {
        expect(chance).toBe(1 / candidates.length);
        // By the caption's length and by the first of the other words of this kind, which is what a reader has.
        const other = words.find((one) => one.kind === kind && one.word !== word)?.word ?? "";
        for (const given of [`${caption.split(" ").length} words`, other]) {
          const name = `${kind} of ${candidates.length}, ${given}`;
          const counts = places.get(name) ?? candidates.map(() => 0);
          const place = candidates.indexOf(word);
          counts[place] = (counts[place] ?? 0) + 1;
          places.set(name, counts);
        }
      }
    }
    const tested = [...places].filter(([, counts]) => Math.min(...counts) >= 10);
    expect(tested.length).toBeGreaterThan(30);
    for (const [name, counts] of tested) {
      expect([name, chiSquare(counts) < chiSquareLimit(counts.length - 1)]).toEqual([name, true]);
    }
  });

  it("T-17: stand in captions of which the picture makes one candidate true and no other", () => {
    for (let index = 0; index < 500; index += 1) {
      const view = drawnView(index);
      const kinds = new Set(view.objects.map(({ color, shape }) => `${color} ${shape}`));
      for (const caption of captionsOf(view, new RandomStream(1), 7)) {
        const words = pictureWordsOf(caption);
        const [told, ofShapes] = (["color", "shape"] as const).map((one) =>
          words.filter(({ kind }) => kind === one),
        );
        const shown = told?.map(({ candidates, word }, mention) => {
          const plural = ofShapes?.[mention]?.word ?? "";
          const shape = plural.replace(/(?<=ss)es$|(?<!s)s$/, "");
          return [word, candidates.filter((color) => kinds.has(`${color} ${shape}`)).join()];
        });
        expect(shown?.length).toBe(kinds.size);
        expect(shown?.every(([word, right]) => word === right)).toBe(true);
      }
    }
  });

  it("stand in every description of an object", () => {
    for (let index = 0; index < 200; index += 1) {
      const view = drawnView(index);
      for (const phrase of view.objects.flatMap((object) => regionPhrasesOf(object, view))) {
        const kindsOfWords = pictureWordsOf(phrase).map(({ kind }) => kind);
        expect(kindsOfWords.toSorted()).toEqual(["color", "shape"]);
      }
    }
  });

  it("are those that are masked by their number", () => {
    const text = "There are three shapes, a red circle, a blue star and a black ring.";
    const vocabulary = text.toLowerCase().match(/[a-z]+|[.,]/g) ?? [];
    const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    const tokenizer = WordPieceTokenizer.fromVocabulary([...new Set([...specials, ...vocabulary])]);
    const masked = pictureWordsOf(text).map(({ wordIndex }) => {
      const { labels } = maskWord(text, wordIndex, tokenizer);
      return labels.filter((label) => label >= 0).map((label) => tokenizer.token(label));
    });
    expect(masked).toEqual([["red"], ["circle"], ["blue"], ["star"], ["black"], ["ring"]]);
  });
});
