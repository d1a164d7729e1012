import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { afterEach, describe, expect, it, vi } from "vitest";
import { IncompleteError } from "../../../src/core/errors.ts";
import { BatchLoader } from "../../../src/loader/batch-loader.ts";
import { contentOf, digest, loaderFixture } from "../../loader/loader-fixture.ts";

const NUM_BATCHES = 6;
type Fixture = Awaited<ReturnType<typeof loaderFixture>>;

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

/** From one read of a shard on, so many reads of shards fail as those of a broken disk do. */
function breakDisk(fromRead: number, numFailures = Infinity): void {
  const { readSync } = fs;
  let numReads = 0;
  const failing = (
    descriptor: number,
    buffer: NodeJS.ArrayBufferView,
    ...rest: readonly unknown[]
  ): number => {
    const path = fs.readlinkSync(`/proc/self/fd/${descriptor}`);
    numReads += Number(path.endsWith(".arrow"));
    const isBroken = numReads >= fromRead && numReads < fromRead + numFailures;
    if (path.endsWith(".arrow") && isBroken) throw Object.assign(new Error("EIO"), { code: "EIO" });
    const [offset = 0, length = buffer.byteLength, position = 0] = rest.map(Number);
    return readSync(descriptor, buffer, offset, length, position);
  };
  vi.spyOn(fs, "readSync").mockImplementation(failing);
  syncBuiltinESMExports();
}

/** Batches from a step on, up to an error, which is given as it came. */
async function stream(
  fixture: Fixture,
  step: number,
): Promise<{ digests: string[]; fault: unknown }> {
  const digests: string[] = [];
  try {
    await using loader = await BatchLoader.open(fixture.options({ numWorkers: 0 }));
    for await (const batch of loader.batches({ epoch: 0, step })) {
      digests.push(digest([contentOf(batch)]));
      if (step + digests.length === NUM_BATCHES) break;
    }
    return { digests, fault: undefined };
  } catch (fault) {
    return { digests, fault };
  }
}

describe("case 46: a disk that fails in the middle of an epoch", () => {
  it("stops the loader with the shard's name, and nothing is lost or repeated after", async () => {
    await using fixture = await loaderFixture();
    const whole = await stream(fixture, 0);
    expect(whole.digests).toHaveLength(NUM_BATCHES);
    breakDisk(30);
    const { digests, fault } = await stream(fixture, 0);
    expect(fault).toBeInstanceOf(IncompleteError);
    expect(fault).toMatchObject({
      exitCode: 24,
      file: expect.stringMatching(/train\/\d+\.arrow$/),
    });
    expect(digests.length).toBeGreaterThan(0);
    vi.restoreAllMocks();
    syncBuiltinESMExports();
    const rest = await stream(fixture, digests.length);
    expect([...digests, ...rest.digests]).toEqual(whole.digests);
  });

  it("is not noticed when the next try succeeds", async () => {
    await using fixture = await loaderFixture();
    const whole = await stream(fixture, 0);
    breakDisk(20, 2);
    expect(await stream(fixture, 0)).toEqual(whole);
  });
});
