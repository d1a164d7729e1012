import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { expect } from "vitest";
import { RandomStream } from "../../../src/core/random.ts";
import { type EndedProgram, RunningProgram } from "../../cli/running-program.ts";
import { answers, sends } from "../network/hostile-server.ts";
import { FetchFixture } from "./fetch-fixture.ts";

const program = join(import.meta.dirname, "fixtures/picture-fetcher.ts");

function start(folder: string, list: string, origin: string): RunningProgram {
  return new RunningProgram(program, [list, folder, origin]);
}

async function numStored(fixture: FetchFixture): Promise<number> {
  const found = await readdir(join(fixture.folder, "sbu/pictures"), { recursive: true }).catch(
    () => [],
  );
  return found.filter((name) => name.endsWith(".jpg")).length;
}

async function killAt(fixture: FetchFixture, list: string, count: number): Promise<EndedProgram> {
  const running = start(fixture.folder, list, fixture.server.origin);
  while ((await numStored(fixture)) < count && running.child.exitCode === null) await sleep(1);
  running.child.kill("SIGKILL");
  return running.ended;
}

/**
 * Fetches a list of pictures, killed so often at random moments, and again undisturbed; both must come
 * to the same files and results.
 */
export async function expectSameAfterKills(
  numKills: number,
  picturesPerKill: number,
): Promise<void> {
  const numPictures = (numKills + 1) * picturesPerKill * 2;
  const drawn = sharp({ create: { width: 9, height: 9, channels: 3, background: "#1e1ec8" } });
  const jpeg = await drawn.jpeg().toBuffer();
  await using fixture = await FetchFixture.create();
  const paths = Array.from({ length: numPictures }, (_, index) => `/${index}`);
  for (const [index, path] of paths.entries())
    fixture.server.routes[path] =
      index % 10 === 3 ? answers(404) : sends(Buffer.concat([jpeg, Buffer.from(path)]));
  const urls = paths.map((path) => fixture.url(path)).join("\n");
  const list = join(fixture.root, "list.txt");
  await writeFile(list, urls);
  const random = new RandomStream(7);
  for (let kill = 1; kill <= numKills; kill += 1) {
    const { exitCode } = await killAt(fixture, list, kill * picturesPerKill + random.nextInt(10));
    expect(exitCode).toBe(null);
  }
  const numAsked = fixture.server.requests.length;
  const last = await start(fixture.folder, list, fixture.server.origin).ended;
  expect(last).toMatchObject({ exitCode: 0, stderr: "" });
  expect(fixture.server.requests.length - numAsked).toBeLessThan(numPictures);

  await using undisturbed = await FetchFixture.create();
  await writeFile(join(undisturbed.root, "list.txt"), urls);
  expect(await start(undisturbed.folder, list, fixture.server.origin).ended).toMatchObject({
    exitCode: 0,
  });
  const files = await fixture.files();
  expect(files).toEqual(await undisturbed.files());
  expect(Object.keys(files)).toHaveLength(numPictures * 0.9 + 2);
}
