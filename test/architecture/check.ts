import { posix } from "node:path";
import { computedImports, lightPackages, lightRooms, packageRooms, roomImports } from "./rooms.ts";
import { type Link, packageOf, parseSource, type SourceFile } from "./source-file.ts";

const MAX_FILES_PER_FOLDER = 12;
const MAX_CODE_LINES = 300;
const INDEX = "index.ts";
const MAIN = "cli/main.ts";
const VAGUE_NAME = /^(?:utils?|helpers?|common|misc|shared)$/;

/** Every breach of STYLE's rooms in the sources, given by their path below src/; empty when there is none. */
export function architectureFaults(sources: ReadonlyMap<string, string>): string[] {
  if (sources.size === 0) return ["src/: no files seen, so nothing was checked"];
  const files = [...sources]
    .filter(([path]) => path.endsWith(".ts"))
    .map(([path, text]) => parseSource(path, text));
  return [
    ...[...sources.keys()].flatMap(placeFaults),
    ...emptyRoomFaults(files),
    ...crowdFaults([...sources.keys()]),
    ...files.flatMap(fileFaults),
    ...files.flatMap((file) => file.links.flatMap((link) => linkFaults(file.path, link))),
    ...startFaults(files),
  ];
}

function placeFaults(path: string): string[] {
  const faults: string[] = [];
  const names = path.split("/");
  if (names.length === 1 && path !== INDEX)
    faults.push(`${path}: only index.ts lies beside the rooms`);
  if (names.length > 1 && !(roomOf(path) in roomImports)) faults.push(`${path}: no such room`);
  if (names.length > 3) faults.push(`${path}: more than one folder below a room`);
  if (!path.endsWith(".ts")) faults.push(`${path}: only .ts files belong into src/`);
  if (names.some((name) => name.split(/[-.]/).some((word) => VAGUE_NAME.test(word))))
    faults.push(`${path}: the name says nothing; name what the file holds`);
  return faults;
}

function emptyRoomFaults(files: readonly SourceFile[]): string[] {
  const seen = new Set(files.map((file) => roomOf(file.path)));
  return Object.keys(roomImports)
    .filter((room) => !seen.has(room))
    .map((room) => `${room}/: no files seen`);
}

function crowdFaults(paths: readonly string[]): string[] {
  return [...Map.groupBy(paths, (path) => posix.dirname(path))]
    .filter(([, inFolder]) => inFolder.length > MAX_FILES_PER_FOLDER)
    .map(([folder, { length }]) => `${folder}/: ${length} files, at most ${MAX_FILES_PER_FOLDER}`);
}

function fileFaults({ path, numCodeLines, reexports, syntaxErrors }: SourceFile): string[] {
  const faults = syntaxErrors.map((message) => `${path}: cannot be parsed: ${message}`);
  if (numCodeLines > MAX_CODE_LINES)
    faults.push(`${path}: ${numCodeLines} lines of code, at most ${MAX_CODE_LINES}`);
  if (reexports.length > 0 && path !== INDEX)
    faults.push(`${path}: re-exports ${reexports.join(", ")}; only src/index.ts does`);
  return faults;
}

function linkFaults(path: string, { specifier }: Link): string[] {
  if (specifier === undefined) return computedImports.includes(path) ? [] : [computed(path)];
  const room = roomOf(path);
  const name = packageOf(specifier);
  if (name !== undefined) return packageFaults(path, name);
  if (!specifier.startsWith("."))
    return specifier.startsWith("node:") ? [] : [foreign(path, specifier)];
  const target = targetOf(path, specifier);
  if (target.startsWith("..")) return [`${path}: imports ${specifier}, which lies outside src/`];
  const targetRoom = roomOf(target);
  if (room === targetRoom || path === INDEX || roomImports[room]?.includes(targetRoom)) return [];
  return [`${path}: ${room} may not import ${targetRoom} (${specifier})`];
}

function packageFaults(path: string, name: string): string[] {
  const rooms = packageRooms[name];
  if (rooms === undefined) return [`${path}: package ${name} is not in the table of packages`];
  return rooms.includes(roomOf(path))
    ? []
    : [`${path}: ${roomOf(path)} may not import package ${name}`];
}

function computed(path: string): string {
  return `${path}: imports a computed name, which cannot be judged`;
}

function foreign(path: string, specifier: string): string {
  return `${path}: imports "${specifier}"; write node:… for Node's modules and ./… for files`;
}

/** What the start of the command line loads although the action that needs it may never run. */
function startFaults(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const faults: string[] = [];
  const seen = new Set([MAIN]);
  for (const path of seen) {
    for (const { specifier, kind } of byPath.get(path)?.links ?? []) {
      if (specifier === undefined || kind !== "eager") continue;
      const name = packageOf(specifier);
      const target = targetOf(path, specifier);
      if (specifier.startsWith(".")) seen.add(target);
      if (name === undefined ? !isLight(specifier, target) : !lightPackages.includes(name))
        faults.push(`${path}: loads ${specifier} at start; import() it inside the action`);
    }
  }
  return faults;
}

function isLight(specifier: string, target: string): boolean {
  return !specifier.startsWith(".") || lightRooms.includes(roomOf(target));
}

function targetOf(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier);
}

function roomOf(path: string): string {
  return path.split("/")[0] ?? "";
}
