import { SourceError } from "../../core/errors.ts";
import type { Source, SourceOptions, SourcePlan } from "../source.ts";
import {
  type AnnotationFile,
  AnnotationReader,
  findAnnotationFile,
} from "../annotations/annotation-file.ts";
import { type DatasetManifest, readDatasetManifest } from "../dataset-manifest.ts";
import { type PublishedSplit, readKarpathySplit } from "../karpathy.ts";
import { PictureFolders } from "../pictures/picture-folders.ts";
import { CocoCaptions, cocoIdOfName, type ReadFile } from "./coco-captions.ts";
import { judgeRelease } from "./coco-release.ts";
import { decideScenes, groupCaptions, plannedScene } from "./coco-scenes.ts";

/**
 * COCO captions of the 2014 and the 2017 release (any of the four files), with Karpathy's split. The
 * releases have the same pictures under other names and in other subsets; ids are the same, so a
 * picture listed twice is read from the first file that lists it, 2014 before 2017.
 */
export const coco: Source = { dataset: "coco", plan };

async function plan(options: SourceOptions): Promise<SourcePlan> {
  const manifest = await readDatasetManifest(coco.dataset);
  const annotationFiles = await findFiles(options.folder, manifest);
  const split = await readSplit(options, manifest);
  const captions = new CocoCaptions();
  const files = await readFiles(annotationFiles, captions, options);
  const captionsOf = groupCaptions(captions, files);
  const { acceptUnknownRelease } = options;
  const release = judgeRelease({ files, manifest, split, captionsOf, acceptUnknownRelease });
  const folders = manifest.pictures.map(({ folder }) => folder);
  const pictures = await PictureFolders.list(options.folder, folders, cocoIdOfName);
  const { scenes, missing } = await decideScenes({ captionsOf, split, pictures, options });
  const ledgers = files.flatMap((file) => [file.images, file.captions]);
  return {
    dataset: coco.dataset,
    files: [...files.map(({ digest }) => digest), ...(split?.files ?? [])],
    release: release.name,
    partial: release.numUnlisted > 0 || missing.length > 0,
    unlisted: {
      numPictures: release.numUnlisted,
      absentFiles: absentFiles(annotationFiles, manifest),
    },
    splits: options.splits.map(({ name }) => {
      const ofSplit = scenes.get(name) ?? [];
      const numTexts = ofSplit.reduce((sum, scene) => sum + scene.captions.length, 0);
      return { name, numScenes: ofSplit.length, numPictures: ofSplit.length, numTexts };
    }),
    counts: ledgers.map((ledger) => ledger.counts()),
    missingPictures: missing,
    *scenes(name) {
      for (const scene of scenes.get(name) ?? []) yield plannedScene(scene, name);
    },
    *ledger() {
      for (const ledger of ledgers) yield* ledger.entries();
    },
  };
}

interface NamedFile {
  readonly name: string;
  readonly file: AnnotationFile;
}

async function findFiles(folder: string, manifest: DatasetManifest): Promise<NamedFile[]> {
  const expected = manifest.releases.flatMap((release) => release.files);
  const found: NamedFile[] = [];
  for (const { path: name } of expected) {
    const file = await findAnnotationFile(folder, name);
    if (file !== undefined) found.push({ name, file });
  }
  if (found.length > 0) return found;
  const names = expected.map(({ path }) => path).join(", ");
  const places = Array.from(new Set(expected.map(({ offeredAt }) => offeredAt))).join(" and ");
  throw new SourceError(
    `${folder} has no caption file of COCO: looked for ${names} (each also with .gz)`,
    { file: expected[0]?.path, remedy: `put one of them there; they are offered at ${places}` },
  );
}

/** The other files of the releases of which one is there. */
function absentFiles(found: readonly NamedFile[], manifest: DatasetManifest): string[] {
  const names = new Set(found.map(({ name }) => name));
  return manifest.releases
    .map(({ files }) => files.map(({ path }) => path))
    .filter((paths) => paths.some((path) => names.has(path)))
    .flatMap((paths) => paths.filter((path) => !names.has(path)));
}

async function readSplit(
  { folder, splits, signal }: SourceOptions,
  manifest: DatasetManifest,
): Promise<PublishedSplit | undefined> {
  if (splits.every(({ parts }) => parts === "everything")) return undefined;
  const { split } = manifest;
  return readKarpathySplit({ sourceFolder: folder, split, idOfName: cocoIdOfName, signal });
}

async function readFiles(
  annotationFiles: readonly NamedFile[],
  captions: CocoCaptions,
  { progress, signal }: SourceOptions,
): Promise<ReadFile[]> {
  const files: ReadFile[] = [];
  for (const { name, file } of annotationFiles) {
    const total = annotationFiles.length;
    progress.report({ activity: `reading ${file.path}`, done: files.length, total, unit: "files" });
    files.push(await captions.read(name, new AnnotationReader(file, signal)));
  }
  return files;
}
