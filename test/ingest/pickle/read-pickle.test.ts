import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { SourceError } from "../../../src/core/errors.ts";
import { readPickle } from "../../../src/ingest/pickle/read-pickle.ts";
import { pythonEnvironment } from "../../python-environment.ts";
import { realData } from "../../real-data.ts";

/** A pickle from pieces of Latin-1 text and bytes. */
function pickleOf(...pieces: readonly (string | readonly number[])[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) =>
      typeof piece === "string" ? Buffer.from(piece, "latin1") : Buffer.from(piece),
    ),
  );
}

function faultOf(bytes: Uint8Array): string {
  try {
    readPickle(bytes, "refs.p");
  } catch (error) {
    if (error instanceof SourceError) return error.message;
    throw error;
  }
  return "none";
}

describe("A pickle", () => {
  it("of RefCOCO's official file says what the JSON beside it says", async () => {
    const bytes = await readFile(realData("refcoco", "refs(unc).first1.p"));
    const json = await readFile(realData("refcoco", "refs(unc).first1.json"), "utf8");
    expect(JSON.parse(JSON.stringify(readPickle(bytes)))).toEqual(JSON.parse(json));
  });

  it.each(["pickle-0", "pickle-1", "pickle-2", "cPickle-0", "cPickle-1", "cPickle-2"])(
    "that Python 2 wrote is read, its str as Latin-1 (%s)",
    async (name) => {
      const folder = join(import.meta.dirname, "python2");
      const sentence = { raw: "CAF\u00e9 'sign' \\ \n\u0000\u0080", sent: "caf\u00e9 sign \u20ac" };
      const first = { tokens: ["caf\u00e9", "sign"], ...sentence, sent_id: 0 };
      const ref = {
        sent_ids: [0, 1],
        file_name: "COCO_train2014_000000000009_1.jpg",
        ann_id: 900_100_000_001,
        ref_id: 0,
        image_id: 9,
        split: "testA",
        sentences: [first, { tokens: [], raw: "", sent_id: 1, sent: "\\u0041 \n" }],
        category_id: 1,
        bbox: [0.5, -1.5, 1e100, 2],
        flags: [true, false, null, -1, -129, 70_000, 2 ** 53 - 1, -(2 ** 62)],
      };
      expect(readPickle(await readFile(join(folder, `refs.${name}.p`)))).toEqual([ref, first]);
    },
  );

  it("has floats as Python prints them, infinite ones and NaN among them", () => {
    const lines = ["1.5", "1e+100", "inf", "-inf", "nan", "-0.0"];
    const bytes = pickleOf("(", ...lines.map((line) => `F${line}\n`), "l.");
    expect(readPickle(bytes)).toEqual([1.5, 1e100, Infinity, -Infinity, Number.NaN, -0]);
  });

  it("has bytes of Python 3 read as Latin-1, too", () => {
    expect(readPickle(pickleOf([0x80, 3], "C", [2, 0xe9, 0x80], "."))).toBe("\u00e9\u0080");
  });

  it("gives a key __proto__ no meaning", () => {
    const read = readPickle(pickleOf("}", "U", [9], "__proto__", "}U", [1], "xK", [1], "ss."));
    expect(JSON.stringify(read)).toBe('{"__proto__":{"x":1}}');
    expect("x" in {}).toBe(false);
  });
});

describe("What is no plain data in a pickle", () => {
  const global = "cos\nsystem\n";
  it.each([
    ["GLOBAL", pickleOf(global, "(U", [2], "ls", "tR."), 0],
    ["REDUCE", pickleOf("NNR."), 2],
    ["BUILD", pickleOf("}}b."), 2],
    ["INST", pickleOf("(U", [2], "ls", "ios\nsystem\n."), 5],
    ["OBJ", pickleOf("(NNo."), 3],
    ["NEWOBJ", pickleOf([0x80, 2], "N)", [0x81], "."), 4],
    ["NEWOBJ_EX", pickleOf([0x80, 4], "N)}", [0x92], "."), 5],
    ["STACK_GLOBAL", pickleOf([0x80, 4, 0x8c, 2], "os", [0x8c, 6], "system", [0x93], "."), 14],
    ["EXT1", pickleOf([0x80, 2, 0x82, 1], "."), 2],
    ["EXT2", pickleOf([0x80, 2, 0x83, 1, 0], "."), 2],
    ["EXT4", pickleOf([0x80, 2, 0x84, 1, 0, 0, 0], "."), 2],
    ["PERSID", pickleOf("P1\n."), 0],
    ["BINPERSID", pickleOf("NQ."), 1],
    ["EMPTY_SET", pickleOf([0x80, 4, 0x8f], "."), 2],
    ["FROZENSET", pickleOf([0x80, 4], "(", [0x91], "."), 3],
    ["ADDITEMS", pickleOf([0x80, 4], "(", [0x90], "."), 3],
    ["BYTEARRAY8", pickleOf([0x80, 5, 0x96, 0, 0, 0, 0, 0, 0, 0, 0], "."), 2],
    ["NEXT_BUFFER", pickleOf([0x80, 5, 0x97], "."), 2],
    ["READONLY_BUFFER", pickleOf([0x80, 5], "N", [0x98], "."), 3],
  ] as const)("is refused by name and place: %s", (name, bytes, offset) => {
    const why = "it is not of plain data, and nothing in a file is executed";
    expect(faultOf(bytes)).toBe(`refs.p: the opcode ${name} is refused: ${why}, at byte ${offset}`);
  });
});

describe("A damaged pickle", () => {
  it.each([
    ["nothing at all", pickleOf(), "1 bytes are called for and 0 are left, at byte 0"],
    ["no end", pickleOf("N"), "1 bytes are called for and 0 are left, at byte 1"],
    ["no value", pickleOf("."), "there is no value, at byte 0"],
    ["values left over", pickleOf("NN."), "values are left over at the end, at byte 2"],
    ["a mark left over", pickleOf("(N."), "values are left over at the end, at byte 2"],
    ["bytes after its end", pickleOf("N.N"), "1 bytes follow after its end, at byte 2"],
    ["no such opcode", pickleOf([0xff]), "0xff is no opcode of a pickle, at byte 0"],
    ["a web page", pickleOf("<html>"), "0x3c is no opcode of a pickle, at byte 0"],
    ["a newer protocol", pickleOf([0x80, 6], "N."), "protocol 6 is not known, at byte 0"],
    ["a cut frame", pickleOf([0x80, 4, 0x95, 9, 0, 0, 0, 0, 0, 0, 0], "N."), "of 9 bytes is cut"],
    [
      "a frame in a frame",
      pickleOf([0x80, 4, 0x95, 11, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0, 0], "N."),
      "a frame begins inside of another, at byte 20",
    ],
    [
      "a frame that is too short",
      pickleOf([0x80, 4, 0x95, 3, 0, 0, 0, 0, 0, 0, 0], "U", [2], "ab."),
      "a frame ends amid an opcode, at byte 13",
    ],
    ["a text that is too long", pickleOf("X", [255, 255, 255, 127], "a."), "are left, at byte 5"],
    ["a negative length", pickleOf("T", [255, 255, 255, 255], "a."), "-1 bytes are called for"],
    ["a text that is no UTF-8", pickleOf("X", [1, 0, 0, 0, 0xff], "."), "a text is not UTF-8"],
    ["an integer of no digits", pickleOf("Ix\n."), "an integer is misspelt, at byte 0"],
    ["a huge integer", pickleOf([0x8b, 1, 4, 0, 0]), "an integer has 1025 bytes, at byte 0"],
    ["a string without quotes", pickleOf("Sa\n."), "a string is misspelt, at byte 0"],
    ["a string with half an escape", pickleOf("S'\\x4'\n."), "a string is misspelt"],
    ["a text beyond Unicode", pickleOf("V\\U00110000\n."), "a text is misspelt"],
    ["a line without an end", pickleOf("I1"), "a line has no end, at byte 1"],
    ["an unknown reference", pickleOf("h", [3], "."), "nothing was remembered as 3, at byte 0"],
    ["no mark", pickleOf("Nl."), "there is no mark, at byte 1"],
    ["no list to add to", pickleOf("NNa."), "there is no list to add to, at byte 2"],
    ["no dict to add to", pickleOf("]NNs."), "there is no dict to add to, at byte 3"],
    ["a key without a value", pickleOf("(Nd."), "a key has no value, at byte 2"],
    ["a key twice", pickleOf("(U", [1], "aNU", [1], "aNd."), 'a dict has the key "a" twice'],
    ["a list as a key", pickleOf("(]Nd."), "a key is no text, at byte 3"],
  ])("says what and where: %s", (_, bytes, message) => {
    expect(faultOf(bytes)).toContain(message);
  });

  it("names the file and what to do", () => {
    const file = "refcoco/refcoco/refs(unc).p";
    const remedy = "it is damaged or not the official file: download it again";
    expect(() => readPickle(pickleOf("R"), file)).toThrow(
      expect.objectContaining({ file, record: "byte 0", remedy }),
    );
  });
});

/** Makes the list of this number twice the items of the list before. */
function twice(list: number): (string | number[])[] {
  return ["(h", [list], "h", [list], "lq", [list + 1], "0"];
}

describe("A pickle that is made to do harm", () => {
  it("is refused when its data contains itself", () => {
    expect(faultOf(pickleOf("]q", [0], "h", [0], "a."))).toBe("refs.p: the data contains itself");
    expect(faultOf(pickleOf("}2U", [1], "a1", "]q", [0], "h", [0], "as."))).not.toBe("none");
  });

  it("is refused when references make little much", () => {
    const lists = Array.from({ length: 40 }, (_, list) => twice(list)).flat();
    const bytes = pickleOf("]q", [0], "0", ...lists, "h", [40], ".");
    expect(faultOf(bytes)).toContain("when all references are followed");
  });

  it("is refused when one long text is referred to again and again", () => {
    const text = "x".repeat(2 ** 20);
    const bytes = pickleOf("(V", text, "\np0\n", "g0\n".repeat(300), "l.");
    expect(faultOf(bytes)).toContain("when all references are followed");
  });

  it("is refused when it is nested too deep, by lists or by references", () => {
    expect(faultOf(pickleOf("(".repeat(70), "l".repeat(70), "."))).toContain("more than 64 deep");
    expect(faultOf(pickleOf("]".repeat(1e6), "a".repeat(1e6 - 1), "."))).toContain("64 deep");
    expect(readPickle(pickleOf("]".repeat(64), "a".repeat(63), "."))).toHaveLength(1);
  });

  it("is refused when it is of more values than any data set", () => {
    const bytes = Buffer.alloc(2 ** 24 + 2, "N");
    expect(faultOf(bytes)).toContain("it holds more than 16777216 values");
  });
});

const written = z.object({
  whole: z.array(z.object({ protocol: z.int(), pickle: z.base64(), data: z.string() })),
  damaged: z.array(z.object({ pickle: z.base64(), data: z.string().nullable() })),
});

describe("Random data that Python wrote", () => {
  let pickles: z.infer<typeof written>;

  beforeAll(async () => {
    const python = await pythonEnvironment();
    const output = await python.run("write_pickles.py", ["20260418", "120", "4000"]);
    pickles = written.parse(JSON.parse(output));
  }, 300_000);

  it("is read alike, in every protocol", () => {
    for (const { pickle, data } of pickles.whole) {
      expect(readPickle(Buffer.from(pickle, "base64"))).toEqual(JSON.parse(data));
    }
    expect(new Set(pickles.whole.map(({ protocol }) => protocol)).size).toBe(6);
  });

  it("is read as Python reads it, or refused, when it is damaged", () => {
    let numRead = 0;
    for (const { pickle, data } of pickles.damaged) {
      const bytes = Buffer.from(pickle, "base64");
      if (faultOf(bytes) !== "none") continue;
      numRead += 1;
      const value = readPickle(bytes);
      if (/null/.test(JSON.stringify(value)) && data === null) continue; // NaN and infinity
      expect({ pickle, value }).toEqual({ pickle, value: JSON.parse(data ?? '"refused"') });
    }
    expect(numRead).toBeGreaterThan(100);
  });
});
