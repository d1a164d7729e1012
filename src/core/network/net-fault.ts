/** Why something could not be fetched; the codes stand in the results of a fetch. */
export type NetFaultCode =
  | "NET_URL"
  | "NET_SCHEME"
  | "NET_CREDENTIALS"
  | "NET_PRIVATE"
  | "NET_REDIRECT"
  | "NET_STATUS"
  | "NET_BUSY"
  | "NET_CONNECTION"
  | "NET_DNS"
  | "NET_TLS"
  | "NET_TIMEOUT"
  | "NET_TOO_SLOW"
  | "NET_TOO_LARGE"
  | "NET_LENGTH"
  | "NET_ENCODING"
  | "NET_PLACEHOLDER"
  | "NET_HASH_MISMATCH"
  | "NET_ROBOTS"
  | "NET_OPT_OUT";

/** Faults that trying again may heal. */
const PASSING_CODES: ReadonlySet<NetFaultCode> = new Set([
  "NET_BUSY",
  "NET_CONNECTION",
  "NET_DNS",
  "NET_TIMEOUT",
  "NET_TOO_SLOW",
  "NET_LENGTH",
]);

/** A request that failed, or was not made. */
export class NetFault extends Error {
  readonly code: NetFaultCode;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: NetFaultCode,
    message: string,
    more: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "NetFault";
    this.code = code;
    this.retryAfterMs = more.retryAfterMs;
  }

  /** Whether the same request would fail again. */
  get isFinal(): boolean {
    return !PASSING_CODES.has(this.code);
  }
}

const DNS_ERRNOS: ReadonlySet<string> = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "ENODATA"]);

/** The code of a connection that failed with this errno, or without any. */
export function connectionFaultCode(errno: string): NetFaultCode {
  if (DNS_ERRNOS.has(errno)) return "NET_DNS";
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_VERIFY|HOSTNAME_MISMATCH/.test(errno)) return "NET_TLS";
  return errno === "UND_ERR_CONNECT_TIMEOUT" ? "NET_TIMEOUT" : "NET_CONNECTION";
}
