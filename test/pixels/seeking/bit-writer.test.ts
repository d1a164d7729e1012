import { expect, it } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { BitWriter } from "../../../src/pixels/seeking/bit-writer.ts";

/** Bytes with a zero stuffed behind each one of ones, and where each byte went. */
function stuffed(bytes: readonly number[]): {
  readonly data: Uint8Array;
  readonly places: number[];
} {
  const data: number[] = [];
  const places: number[] = [];
  for (const byte of bytes) {
    places.push(data.length);
    data.push(...(byte === 0xff ? [byte, 0] : [byte]));
  }
  places.push(data.length);
  return { data: Uint8Array.from(data), places };
}

function bitsOf(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
}

/** The bits of a scan, whose stuffed bytes must all be zeros behind bytes of ones. */
function bitsOfScan(data: Uint8Array): string {
  return bitsOf(data.filter((byte, at) => byte !== 0 || data[at - 1] !== 0xff));
}

it("Codes are copied bit by bit between any two positions, around stuffed bytes as well", () => {
  for (let seed = 0; seed < 3000; seed += 1) {
    const draws = new RandomStream(9, seed);
    // Half of the bytes are ones alone; none is zero, so that what was stuffed is told from data.
    const bytes = Array.from({ length: 1 + draws.nextInt(6) }, () =>
      draws.nextBoolean(0.5) ? 0xff : 1 + draws.nextInt(254),
    );
    const { data, places } = stuffed(bytes);
    const first = draws.nextInt(8 * bytes.length);
    const last = first + draws.nextInt(8 * bytes.length - first + 1);
    const position = (bit: number): number => 8 * (places[bit >> 3] ?? 0) + (bit & 7);
    const into = new Uint8Array(64);
    const writer = new BitWriter(into, 0);
    const before = 0b1010101 & ((1 << (first & 7)) - 1);
    writer.put(before, first & 7);
    writer.copy(data, position(first), position(last));
    expect({ seed, phase: writer.phase }).toEqual({ seed, phase: last & 7 });
    writer.finish();
    const wanted = before
      .toString(2)
      .padStart(first & 7, "0")
      .slice(-(first & 7) || 8);
    const bits = `${(first & 7) === 0 ? "" : wanted}${bitsOf(bytes).slice(first, last)}`;
    const whole = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
    const written = into.subarray(0, writer.end);
    expect({ seed, bits: bitsOfScan(written) }).toEqual({ seed, bits: whole });
    expect(written.filter((byte) => byte === 0xff)).toHaveLength(
      (whole.match(/.{8}/g) ?? []).filter((byte) => byte === "11111111").length,
    );
  }
});
