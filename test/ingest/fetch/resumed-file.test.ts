import { describe, expect, it } from "vitest";
import { sha256 } from "../../../src/core/digest.ts";
import { dropsAfter, type Route, sends, servesRanges } from "../network/hostile-server.ts";
import { FetchFixture } from "./fetch-fixture.ts";
import { body, fetchOne, killedAfter, oneAttempt, target, whole } from "./one-file.ts";

describe("a part", () => {
  it("is resumed where it ends, under the condition that the file is the same", async () => {
    await using fixture = await FetchFixture.create({ "/a.zip": servesRanges(body) });
    await killedAfter(fixture, 12_345);
    await fetchOne(fixture);
    expect(fixture.server.requests.at(-1)).toEqual({ path: "/a.zip", range: "bytes=12345-" });
    expect(await fixture.files()).toEqual(whole);
  });

  it("is resumed within one run when the connection drops again and again", async () => {
    await using fixture = await FetchFixture.create();
    const dropping = dropsAfter(body, 1000, (end) => fixture.hasBytes(`${target}.part`, end));
    fixture.server.routes["/a.zip"] = dropping;
    await fetchOne(fixture);
    expect(await fixture.files()).toEqual(whole);
    expect(fixture.server.requests).toHaveLength(body.length / 1000);
  });

  it("that is whole already only gets its name", async () => {
    await using fixture = await FetchFixture.create();
    await killedAfter(fixture, body.length, Buffer.concat([body, Buffer.from("!")]));
    await fixture.run(({ folder }) => {
      const validators = { etag: '"v1"', lastModified: undefined, totalBytes: body.length };
      return Promise.resolve(folder.records.setPart(fixture.url("/a.zip"), validators));
    });
    await fetchOne(fixture);
    expect(await fixture.files()).toEqual(whole);
    expect(fixture.server.requests).toHaveLength(1);
  });

  const other = Buffer.from(body.toReversed());
  it.each([
    ["the server ignores ranges", sends(body, { etag: '"v1"' })],
    ["the server has another version by now", servesRanges(body, () => '"v2"')],
    [
      "the server sends a range of another version all the same",
      ((response, request, visit) => {
        if (request.headers.range === undefined)
          return servesRanges(body)(response, request, visit);
        response
          .writeHead(206, {
            etag: '"v2"',
            "content-range": `bytes 12345-${body.length - 1}/${body.length}`,
          })
          .end(other.subarray(12_345));
      }) satisfies Route,
    ],
    [
      "the server sends another range than the one asked for",
      ((response, request, visit) => {
        if (request.headers.range === undefined)
          return servesRanges(body)(response, request, visit);
        response
          .writeHead(206, { etag: '"v1"', "content-range": `bytes 0-99/${body.length}` })
          .end(body.subarray(0, 100));
      }) satisfies Route,
    ],
    [
      "the server says that there is no such range",
      ((response, request, visit) => {
        if (request.headers.range === undefined)
          return servesRanges(body)(response, request, visit);
        response.writeHead(416, { "content-range": `bytes */${body.length}` }).end();
      }) satisfies Route,
    ],
  ])("case 53: begins anew when %s", async (_, route) => {
    await using fixture = await FetchFixture.create({ "/a.zip": route });
    await killedAfter(fixture, 12_345);
    await fetchOne(fixture);
    expect(await fixture.files()).toEqual(whole);
  });

  it("case 53: begins anew when the parts turn out not to fit together", async () => {
    // The same ETag for other bytes: only the digest tells.
    await using fixture = await FetchFixture.create({ "/a.zip": servesRanges(body) });
    await killedAfter(fixture, 12_345, other);
    await fetchOne(fixture, { wanted: { sha256: sha256(body) } });
    expect(await fixture.files()).toEqual(whole);
    expect(fixture.server.requests.map(({ range }) => range)).toEqual([
      undefined,
      "bytes=12345-",
      undefined,
    ]);
  });

  it("case 53: begins anew when nothing tells one version from another", async () => {
    await using fixture = await FetchFixture.create();
    fixture.server.routes["/a.zip"] = (response) => {
      response.writeHead(200, { "content-length": body.length });
      response.write(other.subarray(0, 500), () => void response.destroy());
    };
    await expect(fetchOne(fixture, { retries: oneAttempt })).rejects.toMatchObject({
      code: "NET_CONNECTION",
    });
    fixture.server.routes["/a.zip"] = sends(body);
    await fetchOne(fixture);
    expect(await fixture.files()).toEqual(whole);
    expect(fixture.server.requests.at(-1)?.range).toBe(undefined);
  });
});
