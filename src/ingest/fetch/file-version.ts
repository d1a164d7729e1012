import type { NetResponse } from "../network/http-client.ts";
import { NetFault } from "../../core/network/net-fault.ts";
import type { Validators } from "./fetch-records.ts";

/** The condition under which a server may send a range: a strong ETag, or else a date. */
export function conditionOf({ etag, lastModified }: Validators): string | undefined {
  return etag !== undefined && !etag.startsWith("W/") ? etag : lastModified;
}

/** The headers that ask for the rest of a file, if it is still the one begun. */
export function rangeFrom(start: number, begun: Validators): Record<string, string> {
  const condition = conditionOf(begun);
  const range = { range: `bytes=${start}-` };
  return condition === undefined ? range : { ...range, "if-range": condition };
}

/** Which version of a file a response brings. */
export function validatorsOf(response: NetResponse): Validators {
  const length = response.header("content-length");
  return {
    etag: response.header("etag"),
    lastModified: response.header("last-modified"),
    totalBytes:
      response.status === 206
        ? contentRange(response)?.totalBytes
        : /^\d{1,16}$/.test(length ?? "")
          ? Number(length)
          : undefined,
  };
}

/** Where a 206 response begins, in how large a file. */
export function contentRange(
  response: NetResponse,
): { readonly start: number; readonly totalBytes: number | undefined } | undefined {
  const pattern = /^bytes (\d{1,16})-\d{1,16}\/(\d{1,16}|\*)$/;
  const [, start, total] = pattern.exec(response.header("content-range") ?? "") ?? [];
  if (start === undefined) return undefined;
  return { start: Number(start), totalBytes: total === "*" ? undefined : Number(total) };
}

/** Throws NetFault for a page in place of a file (a login, a quota), and for a file that was packed unasked. */
export function requireNoPage(response: NetResponse, path: string): void {
  const type = response.header("content-type") ?? "";
  if (/^\s*text\/html/i.test(type))
    throw new NetFault("NET_PLACEHOLDER", "an HTML page came in place of the file");
  const encoding = response.header("content-encoding")?.trim().toLowerCase() ?? "identity";
  // Some servers call a .tar.gz a tar in the encoding gzip; its bytes are the file's all the same.
  const isNamed = encoding.endsWith("gzip") && path.endsWith("gz");
  if (encoding !== "identity" && encoding !== "" && !isNamed)
    throw new NetFault("NET_ENCODING", `the server packed the file with ${encoding}, unasked`);
}
