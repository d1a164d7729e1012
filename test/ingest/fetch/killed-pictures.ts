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

type Files = Readonly<Record<string, string>>;

/**
 * Fetches a list of pictures, killed so often at random moments, and again undisturbed; gives the files
 * of both, the results among them.
 */
export async function filesAfterKills(
  numKills: number,
  picturesPerKill: number,
): Promise<{ readonly killed: Files; readonly undisturbed: Files }> {
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

  await using calm = await FetchFixture.create();
  await writeFile(join(calm.root, "list.txt"), urls);
  const ended = await start(calm.folder, list, fixture.server.origin).ended;
  expect(ended).toMatchObject({ exitCode: 0 });
  const killed = await fixture.files();
  expect(Object.keys(killed)).toHaveLength(numPictures * 0.9 + 2);
  return { killed, undisturbed: await calm.files() };
}
