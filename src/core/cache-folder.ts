import { homedir } from "node:os";
import { join } from "node:path";

/** `CROSSWEAVE_CACHE`, or `crossweave` in the user's cache folder (`XDG_CACHE_HOME`, `~/.cache`). */
export function cacheFolder(): string {
  const chosen = process.env["CROSSWEAVE_CACHE"] ?? "";
  if (chosen !== "") return chosen;
  const userCache = process.env["XDG_CACHE_HOME"] ?? "";
  return join(userCache === "" ? join(homedir(), ".cache") : userCache, "crossweave");
}
