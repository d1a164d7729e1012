import { SourceError } from "../core/errors.ts";
import type {
  DatasetManifest,
  ExpectedFile,
  ExpectedPart,
  ExpectedRelease,
} from "./dataset-manifest.ts";

/** What an official file was found to hold. */
export interface FoundFile {
  /** Its path in the manifest. */
  readonly path: string;
  /** Its path as it lies there, with ".gz" when it has that. */
  readonly file: string;
  /** Per kind, how many records were read. */
  readonly records: Readonly<Record<string, number>>;
  /** Per kind whose ids were digested, `digestOfIds`. */
  readonly idsSha256?: Readonly<Record<string, string>> | undefined;
}

/** What a published split was found to hold. */
export interface FoundSplit {
  /** Its name in the manifest. */
  readonly name: string;
  readonly parts: readonly FoundPart[];
  /** How many scenes it names that no file lists. */
  readonly numUnlisted: number;
}

interface FoundPart {
  readonly name: string;
  /** How many scenes the split says are in it, listed or not. */
  readonly scenes: number;
  /** How many texts the files have of these; left out when texts of some kinds were not read. */
  readonly texts?: number | undefined;
  readonly sceneIdsSha256?: string | undefined;
}

/** Which release the files are. */
export interface JudgedRelease {
  /** In words: "COCO 2014, Karpathy split", "COCO 2017 (a part), Karpathy split" or "release unknown". */
  readonly name: string;
  /** Whether something that the release or the split names is not there. */
  readonly partial: boolean;
}

export interface ReleaseEvidence {
  readonly manifest: DatasetManifest;
  /** The files that were read. */
  readonly files: readonly FoundFile[];
  /** Not given when the recipe takes everything, whatever part it is in. */
  readonly split?: FoundSplit | undefined;
  /** Paths of official files that are wanted and not there; by default the rest of each release of which a file is there. */
  readonly absentFiles?: readonly string[] | undefined;
  /** Go on with files that are nearly, but not, an official release. */
  readonly acceptUnknownRelease: boolean;
}

const A_PART = " (a part)";

/** Share of an official count from which on another file is taken for a damaged copy or another release. */
const NEARLY_OFFICIAL = 0.9;

/**
 * Recognises official files and parts by their counts and the digests of their ids.
 *
 * One with equal ids and other counts is a damaged copy and always refused. One with a count within
 * ten per cent of the official one is most likely damaged or of another release and refused unless
 * `acceptUnknownRelease`. Any other is a dataset of one's own (a subset, the small world), whose
 * counts nobody has published. What has no counts in the manifest is not judged.
 * Throws SourceError with a table of all differences.
 */
export function judgeRelease(evidence: ReleaseEvidence): JudgedRelease {
  const { manifest, split } = evidence;
  const files = evidence.files.map((file) => judgeFile(file, manifest));
  const parts = split === undefined ? [] : judgeParts(split, manifest);
  requireOfficialCounts([...files, ...parts], evidence.acceptUnknownRelease);
  const absentFiles = evidence.absentFiles ?? restOfReleases(evidence);
  const names = [...releaseNames(files, manifest, absentFiles), ...splitNames(parts, split)];
  const numUnlisted = split?.numUnlisted ?? 0;
  // Of an unknown release nobody can say which files it has.
  const isPart =
    names.some((name) => name.endsWith(A_PART)) || (evidence.absentFiles ?? []).length > 0;
  return { name: names.join(", "), partial: numUnlisted > 0 || isPart };
}

/** Numbers of things by their kind, and what names the things. */
interface Content {
  readonly counts: Readonly<Record<string, number>>;
  readonly digests: Readonly<Record<string, string>>;
}

type Verdict = "official" | "damaged" | "nearly official" | "unknown" | "not counted";

interface Judged {
  readonly verdict: Verdict;
  /** The manifest's files of that verdict: two releases may have a file in common. */
  readonly expectedFiles: readonly ExpectedFile[];
  readonly differences: readonly Difference[];
}

/** A row of the table. */
interface Difference {
  readonly name: string;
  readonly kind: string;
  readonly found: number;
  readonly expected: string;
}

function verdictOf(found: Content, expected: Content): Verdict {
  const kinds = Object.keys(expected.counts);
  if (kinds.length === 0) return "not counted";
  const digested = Object.keys(expected.digests).filter(
    (kind) => found.digests[kind] !== undefined,
  );
  const hasOfficialIds = digested.every((kind) => found.digests[kind] === expected.digests[kind]);
  const differing = kinds.filter((kind) => found.counts[kind] !== expected.counts[kind]);
  if (differing.length === 0 && hasOfficialIds) return "official";
  if (digested.length > 0 && hasOfficialIds) return "damaged";
  const isNear = kinds.some((kind) => isNearly(found.counts[kind], expected.counts[kind]));
  return isNear ? "nearly official" : "unknown";
}

function isNearly(found = 0, expected = 0): boolean {
  const share = expected === 0 ? 0 : found / expected;
  return share >= NEARLY_OFFICIAL && share <= 1 / NEARLY_OFFICIAL;
}

function judgeFile(file: FoundFile, manifest: DatasetManifest): Judged {
  const found = { counts: file.records, digests: file.idsSha256 ?? {} };
  const judged = manifest.releases.flatMap((release) =>
    release.files
      .filter(({ path }) => path === file.path)
      .map((expectedFile) => {
        const { records = {}, idsSha256 = {} } = expectedFile;
        const expected = { counts: records, digests: idsSha256 };
        const names = { found: file.file, expected: release.name };
        const differences = differencesOf(found, expected, names);
        return { verdict: verdictOf(found, expected), expectedFiles: [expectedFile], differences };
      }),
  );
  return strongest(judged);
}

const strength: readonly Verdict[] = ["official", "damaged", "nearly official", "unknown"];

function strongest(judged: readonly Judged[]): Judged {
  const ofStrength = strength.map((one) => judged.filter(({ verdict }) => verdict === one));
  const [first, ...others] = ofStrength.find(({ length }) => length > 0) ?? [];
  if (first === undefined) return { verdict: "not counted", expectedFiles: [], differences: [] };
  return { ...first, expectedFiles: [first, ...others].flatMap((one) => one.expectedFiles) };
}

function judgeParts(split: FoundSplit, manifest: DatasetManifest): Judged[] {
  const expectedParts = manifest.splits.find(({ name }) => name === split.name)?.parts ?? [];
  return split.parts
    .filter(({ scenes }) => scenes > 0)
    .map((part) => {
      const expected = expectedParts.find(({ name }) => name === part.name);
      return expected === undefined
        ? { verdict: "unknown", expectedFiles: [], differences: [] }
        : judgePart(part, expected, split);
    });
}

function judgePart(part: FoundPart, official: ExpectedPart, split: FoundSplit): Judged {
  // The texts of a part can be counted only where all of its scenes are listed.
  const texts = split.numUnlisted === 0 && official.texts !== undefined ? part.texts : undefined;
  const content = ({ scenes, sceneIdsSha256 }: ExpectedPart, numTexts?: number): Content => ({
    counts: {
      ...(scenes === undefined ? {} : { scene: scenes }),
      ...(texts === undefined || numTexts === undefined ? {} : { text: numTexts }),
    },
    digests: sceneIdsSha256 === undefined ? {} : { scene: sceneIdsSha256 },
  });
  const found = content(part, texts);
  const expected = content(official, official.texts);
  const names = { found: `${split.name} ${part.name}`, expected: split.name };
  const differences = differencesOf(found, expected, names);
  return { verdict: verdictOf(found, expected), expectedFiles: [], differences };
}

function differencesOf(
  found: Content,
  expected: Content,
  names: { readonly found: string; readonly expected: string },
): Difference[] {
  return Object.entries(expected.counts).flatMap(([kind, number]) => {
    const [digest, officialDigest] = [found.digests[kind], expected.digests[kind]];
    const hasSameIds =
      digest === undefined || officialDigest === undefined || digest === officialDigest;
    const numFound = found.counts[kind] ?? 0;
    if (numFound === number && hasSameIds) return [];
    const other = numFound === number ? " (but others)" : "";
    const row = { name: names.found, kind, found: numFound };
    return [{ ...row, expected: `${names.expected} has ${number}${other}` }];
  });
}

function requireOfficialCounts(judged: readonly Judged[], acceptUnknownRelease: boolean): void {
  const refused: readonly Verdict[] = acceptUnknownRelease
    ? ["damaged"]
    : ["damaged", "nearly official"];
  const rows = judged.flatMap(({ verdict, differences }) =>
    refused.includes(verdict) ? differences : [],
  );
  if (rows.length === 0) return;
  throw new SourceError(`the files are not the official release:\n${tableOf(rows)}`, {
    file: rows[0]?.name,
    remedy:
      "download them again; if the files are meant to differ, add --accept-unknown-release (not where the official ids have other counts)",
  });
}

function tableOf(rows: readonly Difference[]): string {
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  const kindWidth = Math.max(...rows.map(({ kind }) => kind.length));
  const numberWidth = Math.max(...rows.map(({ found }) => String(found).length));
  return rows
    .map(({ name, kind, found, expected }) => {
      const number = String(found).padStart(numberWidth);
      const columns = [name.padEnd(nameWidth), kind.padEnd(kindWidth), `found ${number}`, expected];
      return `  ${columns.join("  ")}`;
    })
    .join("\n");
}

/** The files that are not there of the releases of which one is. */
export function restOfReleases({
  manifest,
  files,
}: {
  readonly manifest: DatasetManifest;
  readonly files: readonly { readonly path: string }[];
}): string[] {
  const found = new Set(files.map(({ path }) => path));
  return manifest.releases
    .map((release) => release.files.map(({ path }) => path))
    .filter((paths) => paths.some((path) => found.has(path)))
    .flatMap((paths) => paths.filter((path) => !found.has(path)));
}

function releaseNames(
  files: readonly Judged[],
  manifest: DatasetManifest,
  absentFiles: readonly string[],
): string[] {
  const counted = files.filter(({ verdict }) => verdict !== "not counted");
  const isOfficial = counted.every(({ verdict }) => verdict === "official");
  if (counted.length === 0 || !isOfficial) return ["release unknown"];
  const present = releasesOf(counted, manifest.releases);
  return manifest.releases
    .filter((release) => present.has(release))
    .map(({ name, files: all }) =>
      all.some(({ path }) => absentFiles.includes(path)) ? `${name}${A_PART}` : name,
    );
}

/** The fewest releases that the files can be of: a file that two share is of the one with more others. */
function releasesOf(
  files: readonly Judged[],
  releases: readonly ExpectedRelease[],
): ReadonlySet<ExpectedRelease> {
  const isOf = ({ expectedFiles }: Judged, release: ExpectedRelease): boolean =>
    expectedFiles.some((file) => release.files.includes(file));
  const numOf = (release: ExpectedRelease): number =>
    files.filter((file) => isOf(file, release)).length;
  const present = new Set<ExpectedRelease>();
  for (const release of releases.toSorted((a, b) => numOf(b) - numOf(a))) {
    const adds = files.some(
      (file) => isOf(file, release) && !Array.from(present).some((known) => isOf(file, known)),
    );
    if (adds) present.add(release);
  }
  return present;
}

function splitNames(parts: readonly Judged[], split: FoundSplit | undefined): string[] {
  const counted = parts.filter(({ verdict }) => verdict !== "not counted");
  if (split === undefined || counted.length === 0) return [];
  const isOfficial = counted.every(({ verdict }) => verdict === "official");
  return [isOfficial ? split.name : "split unknown"];
}
