import { SourceError } from "../../core/errors.ts";
import { escapeControls } from "../../core/text.ts";
import { digestOfIds } from "../dataset-manifest.ts";
import type { PublishedSplit } from "../published-split.ts";
import { type FoundFile, type FoundSplit, judgeRelease, restOfReleases } from "../release.ts";
import type { ListedPicture, PlannedSplit, SourceOptions, SourcePlan } from "../source.ts";
import type { DatasetReading } from "./dataset-reading.ts";
import { FirstPass, type PassedFile, placeOfEntry } from "./first-pass.ts";
import { entryFates } from "../tables/list-table.ts";
import { PlannedScenes } from "./planned-scenes.ts";
import { RecordFates } from "./record-fates.ts";
import { sceneFates, type SceneSource } from "../tables/scene-table.ts";

/** How many missing pictures are named in an error. */
const EXAMPLES_SHOWN = 5;

/**
 * Plans a dataset: streams its files once and decides what becomes of every record. The plan holds
 * some tens of bytes for each entry and no texts; scenes and ledger are read again from the files.
 * Throws SourceError when a file is missing, damaged or not the release it looks like.
 */
export async function planDataset(
  reading: DatasetReading,
  options: SourceOptions,
): Promise<SourcePlan> {
  using held = new DisposableStack();
  const pass = new FirstPass(reading, options);
  await pass.read(held);
  settle(pass);
  const published = reading.split && foundSplit(pass, reading.split, options);
  const { manifest } = reading;
  const absentFiles = reading.absentFiles ?? restOfReleases({ manifest, files: pass.files });
  const release = judgeRelease({
    manifest,
    files: pass.files.map((file) => foundFile(file, pass)),
    split: published,
    absentFiles: reading.absentFiles,
    acceptUnknownRelease: options.acceptUnknownRelease,
  });
  const fates = new RecordFates(pass, reading, options);
  const counts = fates.counts();
  if (options.strict) requireNoFaults(fates);
  const scenes = new PlannedScenes(pass, reading, options);
  const missing = missingPictures(pass);
  const numUnlisted = published?.numUnlisted ?? 0;
  tellOfLinks(reading, options);
  const opened = held.move();
  return {
    dataset: manifest.dataset,
    files: [...pass.files.map(({ entries }) => entries.digest), ...(reading.split?.files ?? [])],
    picturesDigest: pass.scenes.picturesDigest(),
    release: release.name,
    partial: release.partial || missing.numPictures > 0,
    splits: plannedSplits(pass, options),
    counts,
    unlisted: { numPictures: numUnlisted, absentFiles },
    missing,
    scenes: (split, firstScene) => scenes.of(split, firstScene),
    ledger: () => fates.entries(),
    pictures: () => listedPictures(pass, reading),
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

// Once all is read: which records lack the one they need, and which scenes have no text.
function settle({ files, scenes }: FirstPass): void {
  for (const list of files.flatMap(({ lists }) => lists)) {
    const { needs } = list.reading;
    for (let row = 0; row < list.length; row += 1) {
      const scene = list.scene(row);
      if (scene < 0) continue;
      scenes.addListed(scene, list.numTexts(row));
      if (list.fate(row) !== entryFates.usable) continue;
      const lacks = needs !== undefined && list.partner(row) < 0;
      if (lacks) list.setFate(row, entryFates.needsPartner);
      else scenes.addTexts(scene, list.numTexts(row));
    }
  }
  scenes.settle();
}

// A link may lead anywhere; that is why it counts as no picture, and the user should know.
function tellOfLinks({ pictures, manifest }: DatasetReading, { progress }: SourceOptions): void {
  const links = pictures.linksNotFollowed ?? [];
  if (links.length === 0) return;
  const shown = links.slice(0, EXAMPLES_SHOWN).map(escapeControls).join(", ");
  const more = links.length > EXAMPLES_SHOWN ? ", …" : "";
  progress.say(
    `${links.length} pictures of ${manifest.dataset} are links, which are not followed: ${shown}${more}`,
  );
}

/** Throws SourceError that names the first record that would be quarantined. */
function requireNoFaults(fates: RecordFates): void {
  for (const { file, record, outcome, reason, evidence } of fates.entries()) {
    if (outcome !== "quarantined") continue;
    throw new SourceError(`${file} ${record}: ${reason}: ${evidence}`, {
      file,
      record,
      remedy: "repair the record, or run without --strict: faulty records then go to the ledger",
    });
  }
}

function foundFile({ path, entries, lists }: PassedFile, pass: FirstPass): FoundFile {
  const records: Record<string, number> = {};
  const idsSha256: Record<string, string> = {};
  for (const list of lists) {
    const { kind, nestedKind } = list.reading;
    let numRecords = 0;
    let numNested = 0;
    for (let row = 0; row < list.length; row += 1) {
      if (list.fate(row) === entryFates.noRecord) continue;
      numRecords += 1;
      if (nestedKind !== undefined) numNested += list.nested(row).total;
    }
    records[kind] = numRecords;
    if (nestedKind !== undefined) records[nestedKind] = numNested;
    const digest = pass.idDigests.of(list);
    if (digest !== undefined) idsSha256[kind] = digest;
  }
  return { path, file: entries.file.path, records, idsSha256 };
}

function foundSplit(
  pass: FirstPass,
  { name, partOf }: PublishedSplit,
  { textKinds }: SourceOptions,
): FoundSplit {
  const idsOf = new Map<string, string[]>();
  const textsOf = new Map<string, number>();
  let numUnlisted = 0;
  for (const [id, { part }] of partOf) {
    const ids = idsOf.get(part) ?? [];
    idsOf.set(part, ids);
    ids.push(id);
    const scene = pass.scenes.describedRow(id);
    if (scene === undefined) numUnlisted += 1;
    else textsOf.set(part, (textsOf.get(part) ?? 0) + pass.scenes.numListed(scene));
  }
  // Of a faulty text nobody knows the scene, so that a part with one could not be counted.
  const isCounted = textKinds === undefined && !hasFaultyRecords(pass);
  const parts = Array.from(idsOf, ([part, ids]) => {
    const texts = isCounted ? (textsOf.get(part) ?? 0) : undefined;
    return { name: part, scenes: ids.length, texts, sceneIdsSha256: digestOfIds(ids) };
  });
  return { name, parts, numUnlisted };
}

function hasFaultyRecords({ files }: FirstPass): boolean {
  return files.some(({ lists }) =>
    lists.some((list) => {
      for (let row = 0; row < list.length; row += 1) {
        if (list.fate(row) === entryFates.faulty) return true;
      }
      return false;
    }),
  );
}

function missingPictures({ scenes }: FirstPass): SourcePlan["missing"] {
  const examples: string[] = [];
  let numPictures = 0;
  for (let scene = 0; scene < scenes.length; scene += 1) {
    if (scenes.fate(scene) !== sceneFates.missingPicture) continue;
    numPictures += 1;
    if (examples.length === EXAMPLES_SHOWN) continue;
    const lost = scenes.description(scene).pictures.find((one) => scenes.find(one) === undefined);
    examples.push(`${lost?.folder ?? ""}/${lost?.name ?? ""}`);
  }
  return { numPictures, examples };
}

function plannedSplits({ scenes }: FirstPass, { splits }: SourceOptions): PlannedSplit[] {
  const planned = splits.map(({ name }) => ({ name, numScenes: 0, numPictures: 0, numTexts: 0 }));
  for (let scene = 0; scene < scenes.length; scene += 1) {
    const split = planned[scenes.split(scene) ?? -1];
    if (split === undefined || scenes.fate(scene) !== sceneFates.written) continue;
    split.numScenes += 1;
    split.numPictures += scenes.numPictures(scene);
    split.numTexts += scenes.numTexts(scene);
  }
  return planned;
}

function* listedPictures(
  { scenes }: FirstPass,
  { split, keyOfSplitId }: DatasetReading,
): Generator<ListedPicture> {
  for (let scene = 0; scene < scenes.length; scene += 1) {
    const source = scenes.source(scene);
    if (source !== undefined) yield* picturesAt(source);
  }
  for (const source of scenes.otherParts) yield* picturesAt(source);
  if (split === undefined || keyOfSplitId === undefined) return;
  for (const [id, { part, evidence }] of split.partOf) {
    if (scenes.describedRow(id) !== undefined) continue;
    const identity = { key: keyOfSplitId(id), linkedKeys: [], flickrPhotoId: null, url: null };
    yield { ...identity, part, evidence, isUnlisted: true };
  }
}

function* picturesAt({ list, row }: SceneSource): Generator<ListedPicture> {
  const { part, pictures = [] } = list.record(row).describe?.() ?? {};
  const place = `${list.file.file.path}#${placeOfEntry(list, row)}`;
  // Of a dataset whose files are its parts the place says the part.
  const isSaid = part === undefined || place.startsWith(part.evidence);
  const evidence = isSaid ? place : `${place}, ${part.evidence}`;
  for (const { key, linkedKeys, flickrPhotoId, url } of pictures) {
    yield { key, linkedKeys, flickrPhotoId, url, part: part?.part, evidence, isUnlisted: false };
  }
}
