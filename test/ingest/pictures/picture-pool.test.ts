import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceError } from "../../../src/core/errors.ts";
import type { StoredPicture } from "../../../src/core/records.ts";
import type { DecoderLimits } from "../../../src/ingest/pictures/decoder-process.ts";
import { PicturePool } from "../../../src/ingest/pictures/picture-pool.ts";
import { realData, realPhotographs } from "../../real-data.ts";
import { plain } from "./made-pictures.ts";
import {
  faultOf,
  type PictureFolder,
  pictureFolder,
  policy,
  referenceTo,
  storeFile,
} from "./storing.ts";

let folder: PictureFolder;
const good = ["good-1.jpg", "good-2.jpg", "good-3.jpg", "good-4.jpg", "good-5.jpg"];
const bad = ["crash.jpg", "endless.jpg", "hungry.jpg", "exit.jpg"];
beforeAll(async () => {
  folder = await pictureFolder();
  const hopper = realData("images/odd/hopper.jpg");
  await Promise.all([...good, ...bad].map((name) => copyFile(hopper, join(folder.path, name))));
});
afterAll(() => folder[Symbol.asyncDispose]());

const patient: DecoderLimits = { timeoutMs: 30_000, maxBytes: 2 ** 40 };

function badPool(numWorkers: number, limits: DecoderLimits): PicturePool {
  const entry = new URL("fixtures/bad-decoder.ts", import.meta.url);
  return new PicturePool({ sourceFolder: folder.path, policy, numWorkers, limits, entry });
}

function storeAll(pool: PicturePool, paths: readonly string[]): Promise<StoredPicture>[] {
  const storing = paths.map((path) => pool.store(referenceTo(path)));
  for (const picture of storing) picture.catch(() => undefined); // each is looked at in its turn
  return storing;
}

describe("case 15: a decoder", () => {
  it.each([
    ["crash.jpg", "2 decoders died over it, the last one ended by SIGSEGV"],
    ["exit.jpg", "2 decoders died over it, the last one ended by code 7"],
  ])("case 15: that dies over %s is replaced, the others are stored", async (name, message) => {
    await using pool = badPool(2, patient);
    const [first = name, ...others] = good;
    const storing = storeAll(pool, [first, name, ...others]);
    const fault = await faultOf(storing[1] ?? pool.store(referenceTo(name)));
    expect([fault.code, fault.message]).toEqual(["IMG_DECODER_DIED", message]);
    const stored = await Promise.all(storing.filter((_, index) => index !== 1));
    expect(stored.map(({ path }) => path)).toEqual(good);
  });

  it("case 15: that never ends is killed in time", async () => {
    await using pool = badPool(1, { timeoutMs: 1000, maxBytes: 2 ** 40 });
    const storing = storeAll(pool, ["endless.jpg", ...good]);
    const fault = await faultOf(storing[0] ?? pool.store(referenceTo("endless.jpg")));
    expect(fault.code).toBe("IMG_DECODER_DIED");
    expect(fault.message).toBe("2 decoders died over it, the last one killed after 1 s");
    expect(await Promise.all(storing.slice(1))).toHaveLength(good.length);
  });

  it.runIf(process.platform === "linux")("case 15: that takes all memory is killed", async () => {
    await using pool = badPool(1, { timeoutMs: 30_000, maxBytes: 300 * 2 ** 20 });
    const storing = storeAll(pool, ["hungry.jpg", ...good]);
    const fault = await faultOf(storing[0] ?? pool.store(referenceTo("hungry.jpg")));
    expect(fault.code).toBe("IMG_DECODER_DIED");
    expect(fault.message).toBe("2 decoders died over it, the last one killed at 300 MiB of memory");
    expect(await Promise.all(storing.slice(1))).toHaveLength(good.length);
  });

  it("that cannot start is no picture's fault", async () => {
    const entry = new URL("fixtures/unable-decoder.ts", import.meta.url);
    await using pool = new PicturePool({ sourceFolder: folder.path, policy, numWorkers: 1, entry });
    await expect(pool.store(referenceTo("good-1.jpg"))).rejects.toThrow(
      /the picture decoder does not start: ended by code 1: .*no decoder for this machine/s,
    );
  });
});

describe("A pool of decoders", () => {
  it("stores what one process stores, for any number of workers", async () => {
    const paths = (await realPhotographs()).slice(0, 12);
    const sourceFolder = realData("images/coco");
    const rules = { ...policy, shorterSide: 200 };
    const expected = await Promise.all(paths.map((path) => storeFile(path, sourceFolder, rules)));
    for (const numWorkers of [1, 3]) {
      await using pool = new PicturePool({ sourceFolder, policy: rules, numWorkers });
      const stored = await Promise.all(paths.map((path) => pool.store(referenceTo(path))));
      for (const [index, picture] of stored.entries()) {
        const { bytes, ...others } = expected[index] ?? picture;
        expect(Buffer.compare(picture.bytes, bytes)).toBe(0);
        expect(picture).toMatchObject(others);
      }
    }
  });

  it("tells faults of pictures from those of the folder", async () => {
    await writeFile(join(folder.path, "empty.jpg"), "");
    await using pool = new PicturePool({ sourceFolder: folder.path, policy, numWorkers: 1 });
    const missing = pool.store(referenceTo("nowhere.jpg"));
    const empty = pool.store(referenceTo("empty.jpg"));
    await expect(missing).rejects.toThrow(SourceError);
    await expect(missing).rejects.toMatchObject({ file: join(folder.path, "nowhere.jpg") });
    expect((await faultOf(empty)).code).toBe("IMG_EMPTY");
  });

  it("takes large pictures one at a time, among small ones", async () => {
    const large = await plain(4000, 2500).jpeg().toBuffer();
    const names = ["large-1.jpg", "large-2.jpg", "large-3.jpg"];
    for (const name of names) await writeFile(join(folder.path, name), large);
    await using pool = new PicturePool({ sourceFolder: folder.path, policy, numWorkers: 2 });
    const stored = await Promise.all(storeAll(pool, [...names, ...good, ...names]));
    expect(stored.map(({ path, width }) => [path, width])).toEqual(
      [...names, ...good, ...names].map((path) => [path, path.startsWith("large") ? 1024 : 128]),
    );
  });

  it("ends its processes when it is done with, whatever they are doing", async () => {
    const pool = badPool(2, patient);
    const storing = storeAll(pool, ["endless.jpg", ...good]);
    await storing[1];
    await pool[Symbol.asyncDispose]();
    await expect(storing[0]).rejects.toThrow("the picture decoders were ended");
  });

  it.runIf(process.platform === "linux")(
    "goes on when its decoders are interrupted, and leaves none behind when it is killed",
    async () => {
      const script = join(import.meta.dirname, "fixtures/hold-pool.ts");
      const holder = spawn(process.execPath, [script, realData("images/odd")]);
      const [output]: Buffer[] = await once(holder.stdout, "data");
      const decoder = Number(output?.toString());
      process.kill(decoder, "SIGINT"); // as Ctrl-C does to the whole group
      process.kill(decoder, "SIGTERM");
      await expect.poll(() => isRunning(decoder)).toBe(true);
      holder.kill("SIGKILL");
      await once(holder, "close");
      await expect.poll(() => isRunning(decoder), { timeout: 20_000 }).toBe(false);
    },
  );
});

function isRunning(pid: number): boolean {
  const status = existsSync(`/proc/${pid}/status`)
    ? readFileSync(`/proc/${pid}/status`, "utf8")
    : "";
  return status !== "" && !/^State:\s*Z/m.test(status);
}
