import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { basename, delimiter, join } from "node:path";
import { isInRange } from "../node-range.mjs";
import { runChild, toStderr } from "./child.mjs";
import { BootstrapFailure, EXIT_INCOMPLETE } from "./failure.mjs";
import { withLock } from "./folder-lock.mjs";

/**
 * Brings node_modules of the checkout `root` in step with its package-lock.json, with a Node that
 * package.json's engines accept. Does nothing when it is; goes on where a killed one stopped.
 */
export async function bringPackages(root) {
  const checkout = new Checkout(root);
  if (checkout.isStamped()) return;
  await withLock(join(root, ".crossweave", "bootstrap.lock"), async (nameChild) => {
    checkout.nameChild = nameChild;
    if (checkout.isStamped()) return; // another process brought them meanwhile
    if (checkout.findMissing().length > 0) await checkout.installAfresh();
    if (checkout.needsOwnNode()) await checkout.installNode();
    // An npm on an older Node leaves out the prebuilt parts that only run on a newer one.
    if (checkout.findMissing().length > 0) await checkout.install();
    if (checkout.needsOwnNode()) await checkout.installNode();
    checkout.verify();
    await writeFile(checkout.stampFile, checkout.stamp());
  });
}

/** The Node that runs the project: this one, or the one in node_modules where this one is too old. */
export function projectNode(root) {
  const checkout = new Checkout(root);
  return checkout.isThisNodeFit() ? process.execPath : checkout.ownNode;
}

/** The environment in which the project's own Node and tools come first. */
export function projectEnvironment(root) {
  const folders = [join(root, "node_modules", ".bin")];
  if (projectNode(root) !== process.execPath)
    folders.unshift(join(root, "node_modules", "node", "bin"));
  return { ...process.env, PATH: [...folders, process.env.PATH ?? ""].join(delimiter) };
}

class Checkout {
  /** Told the process number of each npm that is started. */
  nameChild = () => {};

  constructor(root) {
    this.root = root;
    this.modules = join(root, "node_modules");
    this.stampFile = join(this.modules, ".crossweave-stamp");
    this.ownNode = join(this.modules, "node", "bin", "node");
    this.lockText = readFileSync(join(root, "package-lock.json"), "utf8");
    this.packages = Object.entries(JSON.parse(this.lockText).packages).filter(
      ([path]) => path !== "",
    );
    this.engines = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node;
  }

  isThisNodeFit() {
    return isInRange(process.versions.node, this.engines);
  }

  /** What must be the same for node_modules to be still right. */
  stamp() {
    const digest = createHash("sha256").update(this.lockText).digest("hex");
    return `${digest} ${process.platform} ${process.arch}\n`;
  }

  isStamped() {
    const isOurs =
      existsSync(this.stampFile) && readFileSync(this.stampFile, "utf8") === this.stamp();
    return isOurs && (this.isThisNodeFit() || existsSync(this.ownNode));
  }

  /** The packages of the lock that this machine needs and npm does not say it installed. */
  findMissing() {
    const hidden = join(this.modules, ".package-lock.json");
    const installed = existsSync(hidden) ? JSON.parse(readFileSync(hidden, "utf8")).packages : {};
    return this.packages.filter(([path, wanted]) => {
      if (!(path in installed)) return wanted.optional !== true || isMadeForThisMachine(wanted);
      const { version, integrity } = installed[path];
      return version !== wanted.version || integrity !== wanted.integrity;
    });
  }

  verify() {
    const missing = this.findMissing().filter(([, { optional }]) => optional !== true);
    if (missing.length === 0) return;
    const names = missing.map(([path, { version }]) => `${path} ${version}`).join(", ");
    throw new BootstrapFailure(`npm did not install what package-lock.json lists: ${names}`, {
      exitCode: EXIT_INCOMPLETE,
      remedy: "see that package.json and package-lock.json belong together",
    });
  }

  needsOwnNode() {
    return !this.isThisNodeFit() && versionOf(this.ownNode) !== this.wantedNodeVersion();
  }

  wantedNodeVersion() {
    return `v${this.packages.find(([path]) => path === "node_modules/node")[1].version}`;
  }

  async installAfresh() {
    await rm(this.modules, { recursive: true, force: true }); // a killed npm leaves half a package
    await this.install();
  }

  // `npm ci` refuses a lock without the prebuilt parts for other systems, and npm leaves those out of
  // the lock wherever its registry does not serve them; `verify` checks what `npm ci` would.
  async install() {
    console.error("bringing the packages of package-lock.json (npm install)");
    const flags = ["--ignore-scripts", "--no-save", "--include=dev", "--include=optional"];
    const code = await this.npm(["install", ...flags]);
    if (code !== 0) throw npmFailure("npm install", code);
  }

  /** Runs the install script of the package `node`, which npm was told to leave out. */
  async installNode() {
    console.error(`bringing Node ${this.wantedNodeVersion()} (this is ${process.version})`);
    // What a killed one left.
    await rm(join(this.modules, "node", "node_modules"), { recursive: true, force: true });
    const code = await this.npm(["rebuild", "node", "--ignore-scripts=false"]);
    if (code !== 0 || this.needsOwnNode()) throw npmFailure("npm rebuild node", code);
  }

  npm(args) {
    const ownNpm = process.env.npm_execpath ?? "";
    const isNpm = basename(ownNpm) === "npm-cli.js" && existsSync(ownNpm);
    const options = {
      cwd: this.root,
      env: { ...projectEnvironment(this.root), ...quietNpm },
      stdio: toStderr,
      onStart: this.nameChild,
    };
    if (!isNpm) return runChild("npm", args, { ...options, shell: process.platform === "win32" });
    const node = existsSync(this.ownNode) ? this.ownNode : process.execPath;
    return runChild(node, [ownNpm, ...args], options);
  }
}

const quietNpm = {
  npm_config_audit: "false",
  npm_config_fund: "false",
  npm_config_loglevel: "error",
  npm_config_update_notifier: "false",
};

/** Whether an optional package was built for this system and processor; packages that do not say are not counted. */
function isMadeForThisMachine({ os, cpu, libc }) {
  if (os === undefined && cpu === undefined) return false;
  return (
    allows(os, process.platform) &&
    allows(cpu, process.arch) &&
    (libc === undefined || allows(libc, thisLibc()))
  );
}

function allows(names = [], name) {
  if (names.includes(`!${name}`)) return false;
  return names.includes(name) || names.every((allowed) => allowed.startsWith("!"));
}

function thisLibc() {
  return process.report.getReport().header.glibcVersionRuntime === undefined ? "musl" : "glibc";
}

function versionOf(node) {
  try {
    return execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
  } catch {
    return undefined; // not there, or cut short by a kill
  }
}

function npmFailure(what, code) {
  if (code === 130)
    return new BootstrapFailure("interrupted; the same command goes on", { exitCode: 130 });
  if (code === 127)
    return new BootstrapFailure("there is no npm on the PATH", {
      exitCode: EXIT_INCOMPLETE,
      remedy: "install npm (it comes with Node), then run the same command again",
    });
  return new BootstrapFailure(`${what} failed with exit code ${code}; its own lines are above`, {
    exitCode: EXIT_INCOMPLETE,
    remedy: "check the network and the free disk space, then run the same command again",
  });
}
