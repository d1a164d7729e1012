import { join } from "node:path";
import { ConfigError } from "../../core/errors.ts";

/** Where a shard set lies that is in no folder: below a URL, or what begins with a prefix in a bucket. */
type RemoteLocation =
  | { readonly kind: "http"; readonly url: URL }
  | { readonly kind: "s3"; readonly bucket: string; readonly prefix: string };

const SCHEME = /^([a-z][a-z\d+.-]*):\/\//i;

/** Whether a set's location is no folder of this machine. */
export function isRemote(location: string): boolean {
  return SCHEME.test(location);
}

/** What a user's words for a place on a server mean. Throws ConfigError for a URL that no set is read from. */
export function parseRemote(location: string): RemoteLocation {
  const scheme = SCHEME.exec(location)?.[1]?.toLowerCase() ?? "";
  if (scheme === "s3") return bucketOf(location);
  if (scheme === "http" || scheme === "https") return { kind: "http", url: parsedUrl(location) };
  throw new ConfigError(`shard sets are not read from ${scheme}:// (${shownLocation(location)})`, {
    remedy: "name a folder, https://host/path or s3://bucket/prefix",
  });
}

/** The path or URL of a set's file, as it is shown: without credentials and without a query. */
export function fileAt(location: string, file: string): string {
  return isRemote(location) ? `${shownLocation(location)}/${file}` : join(location, file);
}

/** A location as it may be shown: a URL without credentials and query, which may hold a signature. */
export function shownLocation(location: string): string {
  if (!isRemote(location)) return location;
  return location
    .replace(/[?#].*$/s, "")
    .replace(/^([^:]+:\/\/)[^/@]*@/, "$1")
    .replace(/\/+$/, "");
}

function parsedUrl(location: string): URL {
  if (URL.canParse(location)) return new URL(location);
  throw new ConfigError(`${shownLocation(location)} is no URL`, {
    remedy: "name a folder, https://host/path or s3://bucket/prefix",
  });
}

const BUCKET = /^s3:\/\/([a-z\d][a-z\d._-]{1,61}[a-z\d])(?:\/+([^?#]*))?$/i;

function bucketOf(location: string): RemoteLocation {
  const [, bucket, prefix = ""] = BUCKET.exec(location) ?? [];
  if (bucket !== undefined) return { kind: "s3", bucket, prefix: prefix.replace(/\/+$/, "") };
  throw new ConfigError(`${shownLocation(location)} is no place in a bucket`, {
    remedy: "name it as s3://bucket/prefix; the server's address comes from AWS_ENDPOINT_URL",
  });
}
