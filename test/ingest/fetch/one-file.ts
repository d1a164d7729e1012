import { expect } from "vitest";
import { downloadFile, type FetchedFile } from "../../../src/ingest/fetch/download-file.ts";
import type { OfficialDownload } from "../../../src/ingest/fetch/download-manifest.ts";
import { type FetchContext, TransferMeter } from "../../../src/ingest/fetch/fetch-context.ts";
import type { RetryPolicy } from "../../../src/core/network/retries.ts";
import { dropsAfter } from "../network/hostile-server.ts";
import type { FetchFixture } from "./fetch-fixture.ts";

/** The file of these tests, which no two parts of are the same. */
export const body: Buffer = Buffer.from(Array.from({ length: 30_000 }, (_, index) => index % 251));

interface Given extends Partial<FetchContext> {
  readonly wanted?: Partial<OfficialDownload>;
}

/** One run of the command for one file. */
export function fetchOne(fixture: FetchFixture, given: Given = {}): Promise<FetchedFile> {
  const { wanted, ...rest } = given;
  const file: OfficialDownload = {
    url: fixture.url("/a.zip"),
    to: "archives/a.zip",
    holds: "annotations",
    ...wanted,
  };
  return fixture.run(
    (context) => downloadFile(file, context, new TransferMeter(context.progress, "fetching")),
    rest,
  );
}

export async function stateOf(fixture: FetchFixture): Promise<string[]> {
  return Object.keys(await fixture.files());
}

export const target = "downloads/archives/a.zip";
export const whole: Readonly<Record<string, string>> = { [target]: body.toString("latin1") };

export const oneAttempt: RetryPolicy = {
  maxAttempts: 1,
  firstDelayMs: 1,
  maxDelayMs: 1,
  maxRetryAfterMs: 1,
};

/** Leaves a part of the file on the disk, as a run that was killed does. */
export async function killedAfter(
  fixture: FetchFixture,
  numBytes: number,
  sent: Buffer = body,
): Promise<void> {
  const usual = fixture.server.routes["/a.zip"];
  fixture.server.routes["/a.zip"] = dropsAfter(sent, numBytes, (end) =>
    fixture.hasBytes(`${target}.part`, end),
  );
  await expect(fetchOne(fixture, { retries: oneAttempt })).rejects.toMatchObject({
    code: "NET_CONNECTION",
  });
  expect(await stateOf(fixture)).toEqual([`${target}.part`]);
  if (usual !== undefined) fixture.server.routes["/a.zip"] = usual;
}
