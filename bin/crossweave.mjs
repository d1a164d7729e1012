#!/usr/bin/env node
// Starts the command line. This file runs on any Node since 12, so that an old one is told what is
// missing instead of meeting syntax it cannot read: no `?.`, no `??`, no `node:`, no top-level await.
import { spawn } from "child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync } from "fs";
import module from "module";
import { constants, homedir } from "os";
import { dirname, join } from "path";
import { fileURLToPath, pathToFileURL } from "url";
import { isInRange } from "./node-range.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sourceMain = join(root, "src", "cli", "main.ts"); // only a checkout has it
const builtMain = join(root, "dist", "cli", "main.js");
const ownNode = join(root, "node_modules", "node", "bin", "node");
const range = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node;

if (isInRange(process.versions.node, range)) runHere();
else if (existsSync(sourceMain) && existsSync(ownNode) && !isThisNode(ownNode)) runWith(ownNode);
else refuse();

// A node_modules older than package.json would start itself for ever.
function isThisNode(node) {
  return realpathSync(node) === realpathSync(process.execPath);
}

function runHere() {
  keepCompiled();
  const main = existsSync(sourceMain) ? sourceMain : builtMain;
  import(pathToFileURL(main).href).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}

// What Node compiles (and, of a checkout, strips of its types) is kept for the next call, which starts twice as fast. In
// the user's own folder: nobody else may say what runs here. Threads and child processes go by the variable.
function keepCompiled() {
  if (process.env.NODE_COMPILE_CACHE) return;
  const userCache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const folder = process.env.CROSSWEAVE_CACHE || join(userCache, "crossweave");
  const kept = join(folder, "compiled");
  // One by one: where none can be made, Node's recursive way may try for ever.
  for (const each of [dirname(folder), folder, kept]) makeFolder(each);
  if (!existsSync(kept)) return;
  if (module.enableCompileCache(kept).directory) process.env.NODE_COMPILE_CACHE = kept;
}

function makeFolder(path) {
  try {
    mkdirSync(path);
  } catch {
    // It is there, or cannot be: then each call compiles.
  }
}

function runWith(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  // The child decides when an interrupted command has stopped; it counts a doubled signal once.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("error", refuse);
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? code : 128 + constants.signals[signal];
  });
}

function refuse() {
  const message = `crossweave needs Node ${range}; this is ${process.version} (${process.execPath})`;
  const remedy = existsSync(sourceMain)
    ? "`npm run setup` in the checkout brings the right one"
    : "install a newer Node, then run the same command again";
  if (process.argv.includes("--json")) {
    const error = { code: "NODE_TOO_OLD", message, file: null, record: null, remedy };
    console.log(JSON.stringify({ error }, null, 2));
  }
  console.error(`error: ${message}\n  remedy  ${remedy}`);
  process.exitCode = 2;
}
