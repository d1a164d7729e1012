import { writeFileSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const HEARTBEAT_MS = 2000;
const STALE_MS = 20_000;
// Of a holder on this host whose process seems to run: its number may have gone to another program.
const REUSED_MS = 15 * 60_000;
const POLL_MS = 300;

/**
 * Runs `work` while holding the lock file at `path`. Waits for another holder; one that was killed is
 * recognized by its dead processes, or by its missing heartbeat when it ran on another host. `work` is
 * given a function that names a child process, which keeps the lock when it outlives this one.
 */
export async function withLock(path, work) {
  await mkdir(dirname(path), { recursive: true });
  await acquire(path);
  const heartbeat = setInterval(() => void touch(path), HEARTBEAT_MS);
  try {
    return await work((childPid) => writeFileSync(path, holderText([process.pid, childPid])));
  } finally {
    clearInterval(heartbeat);
    await rm(path, { force: true });
  }
}

function holderText(pids) {
  return JSON.stringify({ pids, host: hostname() });
}

async function acquire(path) {
  let told = false;
  while (!(await tryCreate(path))) {
    const holder = await readHolder(path);
    if (holder === undefined) continue;
    if (isDead(holder)) {
      await removeDead(path, holder);
      continue;
    }
    if (!told) console.error("another process is bringing the packages; waiting for it");
    told = true;
    await delay(POLL_MS);
  }
}

async function tryCreate(path) {
  try {
    const file = await open(path, "wx");
    await file.writeFile(holderText([process.pid]));
    await file.close();
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

async function readHolder(path) {
  try {
    const { ino, mtimeMs } = await stat(path);
    const text = await readFile(path, "utf8");
    // Empty between its creation and its first write: taken for another host's, so given time.
    const { pids, host } = text === "" ? { pids: [], host: "" } : JSON.parse(text);
    return { ino, mtimeMs, pids, host };
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isDead({ pids, host, mtimeMs }) {
  const silentMs = Date.now() - mtimeMs;
  if (host !== hostname()) return silentMs > STALE_MS;
  return !pids.some(isRunning) || silentMs > REUSED_MS;
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Removes the lock of a dead holder, and of nobody who took its place meanwhile. */
async function removeDead(path, holder) {
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
    const { ino } = await stat(aside);
    if (ino !== holder.ino) await rename(aside, path);
    else await rm(aside);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

async function touch(path) {
  const now = new Date();
  await utimes(path, now, now).catch(() => {}); // a heartbeat that fails is a missed heartbeat
}
