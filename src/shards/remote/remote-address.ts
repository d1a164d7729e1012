import { parseRemote } from "./location.ts";

/** What is sent for a file. */
export interface SignedRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** The place of a set on the network. */
export interface RemoteAddress {
  /** A GET request for a file of the set, with what proves that it is allowed; made anew for every attempt. */
  request(file: string, headers: Readonly<Record<string, string>>): Promise<SignedRequest>;
  /** Whether an answer says that the place is another one; the next request goes there. */
  isElsewhere(header: (name: string) => string | undefined): boolean;
}

/** The address of a set that lies in no folder. Throws ConfigError for a location that cannot be one. */
export async function addressOf(location: string): Promise<RemoteAddress> {
  const parsed = parseRemote(location);
  if (parsed.kind === "http") return webAddress(parsed.url);
  const { S3Address } = await import("./s3-address.ts");
  return new S3Address(parsed);
}

/** Files below a URL; its query (a shared-access signature) and its credentials go with every request. */
function webAddress(base: URL): RemoteAddress {
  const { username, password } = base;
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const authorization = { authorization: `Basic ${basic.toString("base64")}` };
  return {
    request(file, headers) {
      const url = new URL(base);
      [url.username, url.password, url.hash] = ["", "", ""];
      url.pathname = `${base.pathname.replace(/\/+$/, "")}/${file}`;
      const isOpen = username === "" && password === "";
      return Promise.resolve({ url, headers: isOpen ? headers : { ...headers, ...authorization } });
    },
    isElsewhere: () => false,
  };
}
