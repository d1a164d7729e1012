import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { SignatureV4 } from "@smithy/signature-v4";
import { ConfigError } from "../../core/errors.ts";
import type { RemoteAddress, SignedRequest } from "./remote-address.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The files below a prefix of a bucket, at AWS or at the S3-compatible server of AWS_ENDPOINT_URL. */
export class S3Address implements RemoteAddress {
  readonly #place: { readonly bucket: string; readonly prefix: string };
  readonly #endpoint: URL | undefined;
  readonly #signer: SignatureV4;
  #region: string;
  #isAnonymous = false;

  constructor(
    place: { readonly bucket: string; readonly prefix: string },
    environment: Environment = process.env,
  ) {
    this.#place = place;
    this.#endpoint = endpointOf(environment);
    this.#region = firstOf(environment, "AWS_REGION", "AWS_DEFAULT_REGION") ?? "us-east-1";
    this.#signer = new SignatureV4({
      service: "s3",
      region: () => Promise.resolve(this.#region),
      credentials: defaultProvider(),
      sha256: Sha256,
      uriEscapePath: false,
      applyChecksum: true,
    });
  }

  async request(file: string, headers: Readonly<Record<string, string>>): Promise<SignedRequest> {
    const url = this.#urlOf(file);
    if (this.#isAnonymous) return { url, headers };
    const unsigned = {
      method: "GET",
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: { ...headers, host: url.host },
      ...(url.port === "" ? {} : { port: Number(url.port) }),
    };
    try {
      const signed = await this.#signer.sign(unsigned);
      const { host: _, ...kept } = signed.headers;
      return { url, headers: kept };
    } catch (error) {
      if (!isWithoutCredentials(error)) throw error;
      // A bucket may be public.
      this.#isAnonymous = true;
      return { url, headers };
    }
  }

  /** AWS names the right region of a bucket that was asked for in another one. */
  isElsewhere(header: (name: string) => string | undefined): boolean {
    const region = header("x-amz-bucket-region");
    if (region === undefined || region === this.#region || this.#endpoint !== undefined)
      return false;
    this.#region = region;
    return true;
  }

  #urlOf(file: string): URL {
    const { bucket, prefix } = this.#place;
    const key = prefix === "" ? file : `${prefix}/${file}`;
    if (this.#endpoint !== undefined) return below(this.#endpoint, `${bucket}/${key}`);
    const domain = this.#region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
    const host = `s3.${this.#region}.${domain}`;
    // A certificate for *.s3… does not cover names with dots.
    return bucket.includes(".")
      ? below(new URL(`https://${host}`), `${bucket}/${key}`)
      : below(new URL(`https://${bucket}.${host}`), key);
  }
}

function below(base: URL, key: string): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, "")}/${key.split("/").map(escaped).join("/")}`;
  return url;
}

// As S3's signatures want it: everything but unreserved characters.
function escaped(name: string): string {
  return encodeURIComponent(name).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function endpointOf(environment: Environment): URL | undefined {
  const text = firstOf(environment, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
  if (text === undefined) return undefined;
  if (URL.canParse(text) && /^https?:/.test(text)) return new URL(text);
  throw new ConfigError("AWS_ENDPOINT_URL is no http(s) URL", {
    remedy: "set it to the address of the S3-compatible server, such as https://minio.lab:9000",
  });
}

function firstOf(environment: Environment, ...names: readonly string[]): string | undefined {
  return names
    .map((name) => environment[name])
    .find((value) => value !== undefined && value !== "");
}

function isWithoutCredentials(error: unknown): boolean {
  return error instanceof Error && error.name === "CredentialsProviderError";
}

/** SHA-256 and its HMAC by Node's own code, in the form that the signer takes. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: unknown) {
    this.#hash =
      secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }

  update(chunk: unknown): void {
    this.#hash.update(bytesOf(chunk));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    throw new TypeError("a signer uses no hash twice");
  }
}

function bytesOf(data: unknown): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  if (ArrayBuffer.isView(data))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError("a signer hashes text and bytes");
}
