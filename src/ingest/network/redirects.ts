import { requireFetchable, shownUrl } from "./address-rules.ts";
import { NetFault } from "../../core/network/net-fault.ts";

const MAX_REDIRECTS = 5;

/**
 * Where a redirect leads, by the rules of every URL: `visited` are the URLs so far, the last of which
 * sent `location`. Throws NetFault for a circle, for more than five, for a step from https to http, and
 * for what must not be fetched; the chain is told without credentials and queries.
 */
export function redirectTarget(
  visited: readonly URL[],
  location: string,
  trustedOrigins: ReadonlySet<string>,
): URL {
  const from = visited.at(-1);
  const absolute = URL.parse(location, from?.href);
  if (absolute === null)
    throw new NetFault("NET_REDIRECT", `${chain(visited)} leads to what is no URL`);
  const path = chain([...visited, absolute]);
  const to = requireTarget(absolute, path, trustedOrigins);
  if (from?.protocol === "https:" && to.protocol === "http:")
    throw new NetFault("NET_REDIRECT", `from https to http: ${path}`);
  if (visited.some(({ href }) => href === to.href))
    throw new NetFault("NET_REDIRECT", `in a circle: ${path}`);
  if (visited.length > MAX_REDIRECTS)
    throw new NetFault("NET_REDIRECT", `more than ${MAX_REDIRECTS} redirects: ${path}`);
  return to;
}

function requireTarget(absolute: URL, path: string, trustedOrigins: ReadonlySet<string>): URL {
  try {
    return requireFetchable(absolute.href, trustedOrigins);
  } catch (error) {
    if (!(error instanceof NetFault)) throw error;
    throw new NetFault(error.code, `redirected to where ${error.message}: ${path}`);
  }
}

function chain(urls: readonly URL[]): string {
  return urls.map(shownUrl).join(" → ");
}
