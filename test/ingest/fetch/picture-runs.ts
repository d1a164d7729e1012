import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../../src/core/digest.ts";
import { fetchWebPictures, type PictureSummary } from "../../../src/ingest/fetch/web-pictures.ts";
import { retryPolicy } from "../../../src/core/network/retries.ts";
import type { Route } from "../network/hostile-server.ts";
import { FetchFixture } from "./fetch-fixture.ts";

interface Given {
  readonly list?: string;
  readonly retryFailed?: boolean;
  readonly trustNew?: boolean;
  readonly maxAttempts?: number;
}

/** One run of the command for a list of these URLs. */
export async function fetchList(
  fixture: FetchFixture,
  urls: readonly string[],
  given: Given = {},
): Promise<PictureSummary> {
  const { list = "list.txt", retryFailed = false, trustNew = false, maxAttempts = 2 } = given;
  const path = join(fixture.root, list);
  if (given.list === undefined) await writeFile(path, urls.join("\n"));
  return fixture.run(
    (context) =>
      fetchWebPictures(fixture.webContext(context), {
        dataset: "conceptual-captions",
        lists: [path],
        retryFailed,
        lookAhead: 10,
      }),
    { trustNew, retries: { ...retryPolicy, maxAttempts } },
  );
}

interface Line {
  readonly url: string;
  readonly state: string;
  readonly code: string;
  readonly message: string;
  readonly path: string | null;
}

/** The lines of the results file. */
export async function linesOf(fixture: FetchFixture): Promise<Line[]> {
  const text = await readFile(join(fixture.folder, "cc3m/pictures.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line): Line => JSON.parse(line));
}

/** What became of the one URL that is fetched from this route. */
export async function outcomeOf(
  route: Route,
  path = "/a",
): Promise<Line & { readonly files: string[] }> {
  await using fixture = await FetchFixture.create({ [path]: route });
  await fetchList(fixture, [fixture.url(path)]);
  const [line] = await linesOf(fixture);
  if (line === undefined) throw new Error("no line");
  const files = Object.keys(await fixture.files()).filter((name) => name.includes("/pictures/"));
  return { ...line, files };
}

/** Where the picture of a URL is stored. */
export function storedAs(url: string, extension: string): string {
  const name = sha256(url);
  return `cc3m/pictures/${name.slice(0, 2)}/${name}.${extension}`;
}
