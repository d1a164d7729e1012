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
  await withLock(join(root, ".crossweave", "bootstrap.lock"), async () => {
    if (checkout.isStamped()) return; // another process brought them meanwhile
    if (!checkout.isInstalled()) await checkout.install();
    if (checkout.needsOwnNode()) await checkout.installNode();
    // An npm on an older Node leaves out the prebuilt parts that only run on a newer one.
    if (!checkout.isInstalled()) await checkout.install();
    if (checkout.needsOwnNode()) await checkout.installNode();
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

  /** Whether what npm says it installed is what the lock asks for on this machine. */
  isInstalled() {
    const hidden = join(this.modules, ".package-lock.json");
    if (!existsSync(hidden)) return false;
    const installed = JSON.parse(readFileSync(hidden, "utf8")).packages;
    return this.packages.every(([path, wanted]) =>
      path in installed
        ? installed[path].version === wanted.version &&
          installed[path].integrity === wanted.integrity
        : wanted.optional === true && !isMadeForThisMachine(wanted),
    );
  }

  needsOwnNode() {
    return !this.isThisNodeFit() && versionOf(this.ownNode) !== this.wantedNodeVersion();
  }

  wantedNodeVersion() {
    return `v${this.packages.find(([path]) => path === "node_modules/node")[1].version}`;
  }

  async install() {
    console.error("bringing the packages of package-lock.json (npm ci)");
    const code = await this.npm(["ci", "--ignore-scripts", "--include=dev", "--include=optional"]);
    if (code !== 0) throw npmFailure("npm ci", code);
  }

  /** Runs the install script of the package `node`, which npm was told to leave out. */
  async installNode() {
    console.error(`bringing Node ${this.wantedNodeVersion()} (this is ${process.version})`);
    const folder = join(this.modules, "node");
    await rm(join(folder, "node_modules"), { recursive: true, force: true }); // of a killed one
    const code = await runChild(process.execPath, ["installArchSpecificPackage.js"], {
      cwd: folder,
      env: { ...projectEnvironment(this.root), ...quietNpm },
      stdio: toStderr,
    });
    if (code !== 0 || this.needsOwnNode()) throw npmFailure("the install script of `node`", code);
  }

  npm(args) {
    const ownNpm = process.env.npm_execpath ?? "";
    const isNpm = basename(ownNpm) === "npm-cli.js" && existsSync(ownNpm);
    const options = {
      cwd: this.root,
      env: { ...projectEnvironment(this.root), ...quietNpm },
      stdio: toStderr,
    };
    if (!isNpm) return runChild("npm", args, { ...options, shell: process.platform === "win32" });
    const node = existsSync(this.ownNode) ? projectNode(this.root) : process.execPath;
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
