import { describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { decodedSize } from "../../../src/ingest/pictures/decoded-size.ts";
import { requireTrueSeekTable, withSeekTable } from "../../../src/pixels/seeking/add-seek-table.ts";
import { readBaselineScan } from "../../../src/pixels/seeking/baseline-scan.ts";
import { isSeekSegment } from "../../../src/pixels/seeking/seek-table.ts";
import { areaOfWhole, decodedArea, drawnPart } from "./decoded-parts.ts";
import { encoded, madePixels } from "./made-jpegs.ts";

const jpeg = encoded(madePixels(300, 200, new RandomStream(4, 4)), {
  subsampling: "4:2:0",
  quality: 90,
});
const other = encoded(madePixels(300, 200, new RandomStream(4, 5)), {
  subsampling: "4:2:0",
  quality: 80,
});
const seekable = withSeekTable(jpeg) ?? jpeg;
const table = segmentOf(seekable);

function segmentOf(bytes: Uint8Array): { readonly start: number; readonly end: number } {
  const found = readBaselineScan(bytes)?.segments.find(({ start, end }) => {
    return isSeekSegment(bytes.subarray(start, end));
  });
  if (found === undefined) throw new Error("it has no seek table");
  return found;
}

/** "refused", or whether a part had the pixels of the picture without a table. */
function outcomeOf(damaged: Uint8Array, seed: number): "refused" | "right" | "wrong" {
  const part = drawnPart(seekable, new RandomStream(6, seed));
  const expected = areaOfWhole(jpeg, part);
  try {
    return decodedArea(damaged, part).pixels.equals(expected) ? "right" : "wrong";
  } catch {
    return "refused";
  }
}

describe("A damaged seek table", () => {
  it("leads to an error or to the right pixels, never to wrong ones, whichever bit is flipped", () => {
    const counts = { refused: 0, right: 0, wrong: 0 };
    for (let at = table.start; at < table.end; at += 1) {
      const damaged = Uint8Array.from(seekable);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      counts[outcomeOf(damaged, at)] += 1;
    }
    expect(counts.wrong).toBe(0);
    expect(counts.refused).toBeGreaterThan((table.end - table.start) / 2);
  });

  it("is found by whoever decodes all of the picture to judge it", async () => {
    await expect(decodedSize(seekable)).resolves.toEqual({ width: 300, height: 200 });
    const damaged = Uint8Array.from(seekable);
    damaged[table.end - 1] = (damaged[table.end - 1] ?? 0) ^ 1;
    await expect(decodedSize(damaged)).rejects.toThrow("its seek table is damaged");
  });

  it("of another picture of the same size is told from a true one", async () => {
    const theirs = withSeekTable(other) ?? other;
    const { start, end } = segmentOf(theirs);
    const mixed = Buffer.concat([
      seekable.subarray(0, table.start),
      theirs.subarray(start, end),
      seekable.subarray(table.end),
    ]);
    expect(() => requireTrueSeekTable(mixed)).toThrow("its seek table is not that of its codes");
    await expect(decodedSize(mixed)).rejects.toThrow("its seek table is not that of its codes");
  });
});

describe("Damaged pictures with seek tables", () => {
  it("end no process and change no other picture, wherever a bit is flipped or the end is cut", () => {
    const counts = { refused: 0, right: 0, wrong: 0 };
    for (let index = 0; index < 400; index += 1) {
      const draws = new RandomStream(8, index);
      const damaged = Uint8Array.from(seekable);
      const at = draws.nextInt(damaged.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << draws.nextInt(8));
      const isCut = draws.nextInt(4) === 0;
      counts[outcomeOf(isCut ? damaged.subarray(0, at) : damaged, index)] += 1;
      expect(outcomeOf(seekable, index)).toBe("right");
    }
    expect(counts.refused).toBeGreaterThan(60);
  });

  it("refuse codes that end before the place that the table names", () => {
    const cut = Buffer.concat([seekable.subarray(0, -4000), Buffer.of(0xff, 0xd9)]);
    let numRefused = 0;
    for (let seed = 0; seed < 40; seed += 1) {
      const outcome = outcomeOf(cut, seed);
      expect(outcome).not.toBe("wrong");
      if (outcome === "refused") numRefused += 1;
    }
    expect(numRefused).toBeGreaterThan(5);
  });
});
