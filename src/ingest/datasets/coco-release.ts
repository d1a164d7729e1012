import {
  type DatasetManifest,
  digestOfIds,
  type ExpectedFile,
  type FoundContent,
  releaseVerdict,
  requireExpectedCounts,
} from "../dataset-manifest.ts";
import type { PublishedSplit } from "../karpathy.ts";
import type { ReadFile } from "./coco-captions.ts";
import type { CaptionedImage } from "./coco-scenes.ts";

/** Which release the files are. */
export interface JudgedRelease {
  /** In words: "COCO 2014, Karpathy split", "COCO 2017 (a part), Karpathy split" or "unknown". */
  readonly name: string;
  /** How many images that the split names are listed in no file. */
  readonly numUnlisted: number;
}

interface Evidence {
  readonly files: readonly ReadFile[];
  readonly manifest: DatasetManifest;
  readonly split: PublishedSplit | undefined;
  readonly captionsOf: ReadonlyMap<string, CaptionedImage>;
  readonly acceptUnknownRelease: boolean;
}

/**
 * Recognises official files and the official split by their image ids, and holds their counts against
 * the published ones. Throws SourceError when those differ.
 */
export function judgeRelease(evidence: Evidence): JudgedRelease {
  const files = evidence.files.map((file) => foundFile(file, evidence.manifest));
  const parts = foundParts(evidence);
  const numUnlisted = countUnlisted(evidence);
  const comparable = numUnlisted > 0 ? parts.map(withExpectedCaptions) : parts;
  requireExpectedCounts([...files, ...comparable], evidence.acceptUnknownRelease);
  const names = [
    ...releaseNames(files, evidence.manifest),
    ...splitNames(parts, evidence.manifest),
  ];
  return { name: names.join(", "), numUnlisted };
}

function foundFile(file: ReadFile, manifest: DatasetManifest): FoundContent {
  const expected = expectedFiles(manifest).find(({ path }) => path === file.name);
  if (expected === undefined) throw new Error(`the manifest lacks ${file.name}`);
  return {
    name: file.digest.file,
    images: file.numImages,
    captions: file.captions.numRead,
    imageIdsSha256: file.imageIdsSha256,
    expected,
  };
}

function expectedFiles(manifest: DatasetManifest): readonly ExpectedFile[] {
  return manifest.releases.flatMap((release) => release.files);
}

function foundParts({ manifest, split, captionsOf }: Evidence): FoundContent[] {
  if (split === undefined) return [];
  const ids = Map.groupBy(split.partOf.keys(), (id) => split.partOf.get(id)?.part);
  return manifest.split.parts.map((expected) => {
    const named = ids.get(expected.name) ?? [];
    const captions = named.reduce((sum, id) => sum + (captionsOf.get(id)?.numListed ?? 0), 0);
    return {
      name: `${manifest.split.name} ${expected.name}`,
      images: named.length,
      captions,
      imageIdsSha256: digestOfIds(named),
      expected,
    };
  });
}

// The captions of a part can be counted only where all of its images are listed.
function withExpectedCaptions(part: FoundContent): FoundContent {
  return { ...part, captions: part.expected.captions };
}

function countUnlisted({ split, captionsOf }: Evidence): number {
  return Array.from(split?.partOf.keys() ?? []).filter((id) => !captionsOf.has(id)).length;
}

function releaseNames(files: readonly FoundContent[], manifest: DatasetManifest): string[] {
  const official = files.filter((file) => releaseVerdict(file) === "official");
  if (official.length < files.length) return ["release unknown"];
  return manifest.releases.flatMap((release) => {
    const present = official.filter(({ expected }) =>
      release.files.some(({ imageIdsSha256 }) => imageIdsSha256 === expected.imageIdsSha256),
    );
    if (present.length === 0) return [];
    return present.length === release.files.length ? [release.name] : [`${release.name} (a part)`];
  });
}

function splitNames(parts: readonly FoundContent[], manifest: DatasetManifest): string[] {
  if (parts.length === 0) return [];
  const isOfficial = parts.every((part) => releaseVerdict(part) === "official");
  return [isOfficial ? manifest.split.name : "split unknown"];
}
