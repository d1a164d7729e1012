import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { Agent, buildConnector } from "undici";
import { whyForbidden } from "./address-rules.ts";
import { NetFault } from "../../core/network/net-fault.ts";

/** The addresses of a host name. */
type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

export interface AgentOptions {
  /**
   * Origins such as "http://mirror.lab:8080" that the user has named on the command line and that may
   * therefore lie in a private network. Never filled from a list or from a redirect.
   */
  readonly trustedOrigins: ReadonlySet<string>;
  readonly resolve?: Resolve | undefined;
  readonly connectionsPerOrigin: number;
}

const CONNECT_TIMEOUT_MS = 20_000;

/**
 * An undici agent that connects to public addresses only. The check is made on the very addresses that
 * a connection is opened to, so a name that resolves differently a second time gains nothing.
 */
export function createGuardedAgent(options: AgentOptions): Agent {
  const fixed = { timeout: CONNECT_TIMEOUT_MS, allowH2: false };
  const open = buildConnector(fixed);
  const guarded = buildConnector({
    ...fixed,
    lookup: guardedLookup(options.resolve ?? resolveAll),
  });
  const connect: buildConnector.connector = (target, callback) => {
    if (options.trustedOrigins.has(originOf(target))) return open(target, callback);
    const host = target.hostname.replace(/^\[(.*)\]$/, "$1");
    // Addresses are not looked up, so the lookup never sees them.
    const why = isIP(host) === 0 ? undefined : whyForbidden(host);
    if (why !== undefined) return callback(privateFault(host, why), null);
    guarded(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      const address = socket.remoteAddress ?? "";
      const whyNot = whyForbidden(address);
      if (whyNot === undefined) return callback(null, socket);
      socket.destroy();
      callback(privateFault(address, whyNot), null);
    });
  };
  return new Agent({
    connect,
    connections: options.connectionsPerOrigin,
    pipelining: 1,
    // RequestWatch keeps the time of requests.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

function originOf({ protocol, host, hostname, port }: buildConnector.Options): string {
  return new URL(`${protocol}//${host ?? `${hostname}:${port}`}`).origin;
}

function guardedLookup(resolve: Resolve): LookupFunction {
  return (hostname, { all }, callback) =>
    void lookUp(hostname, resolve, { all: all === true, callback });
}

interface Asked {
  readonly all: boolean;
  readonly callback: Parameters<LookupFunction>[2];
}

async function lookUp(hostname: string, resolve: Resolve, asked: Asked): Promise<void> {
  try {
    answer(hostname, await resolve(hostname), asked);
  } catch (error) {
    asked.callback(error instanceof Error ? error : new Error(String(error)), "");
  }
}

function answer(hostname: string, addresses: readonly LookupAddress[], asked: Asked): void {
  const [first] = addresses;
  if (first === undefined)
    return asked.callback(new NetFault("NET_DNS", `${hostname} has no address`), "");
  // One private address among public ones is no accident: nothing of it is used.
  for (const { address } of addresses) {
    const why = whyForbidden(address);
    if (why !== undefined) return asked.callback(privateFault(`${hostname} (${address})`, why), "");
  }
  if (asked.all) asked.callback(null, [...addresses]);
  else asked.callback(null, first.address, first.family);
}

function privateFault(host: string, why: string): NetFault {
  return new NetFault("NET_PRIVATE", `${host} ${why}`);
}

function resolveAll(hostname: string): Promise<LookupAddress[]> {
  return lookup(hostname, { all: true });
}
