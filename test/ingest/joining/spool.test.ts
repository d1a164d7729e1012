import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { array, assert, property, uint8Array } from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ConfigError } from "../../../src/core/errors.ts";
import { Spool } from "../../../src/ingest/joining/spool.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "crossweave-spool-test-"));
  vi.stubEnv("TMPDIR", folder);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe("A spool", () => {
  it("gives back what was put in, at the positions that it named", () => {
    assert(
      property(array(uint8Array({ maxLength: 100 }), { maxLength: 20 }), (pieces) => {
        using spool = new Spool();
        const positions = pieces.map((piece) => spool.append(piece));
        for (const [index, piece] of pieces.entries()) {
          const bytes = spool.read(positions[index] ?? 0, piece.length);
          expect(bytes.equals(piece)).toBe(true);
        }
        const whole = spool.read(0, 10_000);
        expect(whole.equals(Buffer.concat(pieces))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it("has no name in TMPDIR while it is used, so that nothing can be left behind", async () => {
    using spool = new Spool();
    spool.append(Buffer.from("content"));
    expect(await readdir(folder)).toEqual([]);
    expect(spool.read(0, 7).toString()).toBe("content");
  });

  it("says what to do when there is no place for it", () => {
    vi.stubEnv("TMPDIR", "/nowhere");
    expect(() => new Spool()).toThrow(ConfigError);
    expect(() => new Spool()).toThrow("there is no folder /nowhere for temporary files");
    vi.stubEnv("TMPDIR", folder);
  });
});
