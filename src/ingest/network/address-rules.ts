import ipaddr from "ipaddr.js";
import { NetFault } from "../../core/network/net-fault.ts";

const { IPv4, IPv6, isValid, parse } = ipaddr;

/** Names that mean this machine or its own network, whatever they resolve to. */
const LOCAL_NAMES = /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|lan|home\.arpa)$/;

const NAT64_BYTES = [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

/**
 * Why an address must not be connected to; undefined for one of the public Internet. Everything else
 * is refused: private, loopback, link-local and reserved ranges, and addresses that wrap another one.
 * A NAT64 address is judged by the one inside: a network without IPv4 has no other way to the Internet.
 */
export function whyForbidden(address: string): string | undefined {
  if (!isValid(address)) return "is no address";
  const parsed = parse(address);
  if (parsed instanceof IPv4) return whyForbiddenIPv4(parsed);
  if (!(parsed instanceof IPv6)) return "is no address";
  if (parsed.zoneId !== undefined) return "is an address of one network card";
  const bytes = parsed.toByteArray();
  if (NAT64_BYTES.every((byte, at) => bytes[at] === byte))
    return whyForbiddenIPv4(new IPv4(bytes.slice(12)));
  const range = parsed.range();
  if (range !== "unicast") return `is a ${words(range)} address`;
  const isGlobal = ((bytes[0] ?? 0) & 0xe0) === 0x20; // 2000::/3, all that is given out
  return isGlobal ? undefined : "is a reserved address";
}

function whyForbiddenIPv4(address: ipaddr.IPv4): string | undefined {
  const range = address.range();
  return range === "unicast" ? undefined : `is a ${words(range)} address`;
}

function words(range: string): string {
  return range.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * The URL in a text that may come from anywhere. Throws NetFault for what is no http(s) URL, has
 * credentials, or names a private host, in whatever notation; `trustedOrigins` are exempt from the last.
 */
export function requireFetchable(text: string, trustedOrigins: ReadonlySet<string>): URL {
  if (!URL.canParse(text)) throw new NetFault("NET_URL", "it is no URL");
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new NetFault("NET_SCHEME", `${url.protocol} is not fetched, only http: and https:`);
  if (url.username !== "" || url.password !== "")
    throw new NetFault("NET_CREDENTIALS", "the URL holds credentials");
  if (trustedOrigins.has(url.origin)) return url;
  const host = hostOf(url);
  // The URL parser has turned 0x7f000001, 0177.1 and 2130706433 into 127.0.0.1 by now.
  const why = isValid(host) ? whyForbidden(host) : whyLocalName(host);
  if (why !== undefined) throw new NetFault("NET_PRIVATE", `${host} ${why}`);
  return url;
}

/** The host name of a URL, an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

function whyLocalName(host: string): string | undefined {
  return LOCAL_NAMES.test(host.replace(/\.$/, "")) ? "is a name of a private network" : undefined;
}

/** A URL as it may be shown: without credentials, and without a query, which may hold a signature. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}${url.search === "" ? "" : "?…"}`;
}
