import type { PictureReference, SceneText } from "../../core/records.ts";
import type { PlannedScene, RecordPlace, SourceOptions } from "../source.ts";
import type { DatasetReading, DescribedPicture, ExaminedRecord } from "./dataset-reading.ts";
import { type FirstPass, placeOfEntry } from "./first-pass.ts";
import { entryFates, type ListTable } from "../tables/list-table.ts";
import { sceneFates } from "../tables/scene-table.ts";

/** The usable entries of every scene that is written, scene after scene. */
class SceneEntries {
  readonly #lists: readonly ListTable[];
  /** Number of the first entry of each list, when all are counted through. */
  readonly #bases: readonly number[];
  readonly #starts: Float64Array;
  readonly #entries: Uint32Array;

  constructor(pass: FirstPass) {
    this.#lists = pass.files.flatMap(({ lists }) => lists);
    let numEntries = 0;
    this.#bases = this.#lists.map(({ length }) => (numEntries += length) - length);
    const { scenes } = pass;
    this.#starts = new Float64Array(scenes.length + 1);
    const isIn = (list: ListTable, row: number): boolean =>
      list.fate(row) === entryFates.usable && scenes.fate(list.scene(row)) === sceneFates.written;
    this.#each((list, row) => {
      if (isIn(list, row)) this.#count(list.scene(row) + 1);
    });
    for (let scene = 0; scene < scenes.length; scene += 1) {
      this.#starts[scene + 1] = (this.#starts[scene + 1] ?? 0) + (this.#starts[scene] ?? 0);
    }
    this.#entries = new Uint32Array(this.#starts.at(-1) ?? 0);
    const next = this.#starts.slice();
    this.#each((list, row, number) => {
      if (!isIn(list, row)) return;
      const scene = list.scene(row);
      const position = next[scene] ?? 0;
      this.#entries[position] = number;
      next[scene] = position + 1;
    });
  }

  *of(scene: number): Generator<{ list: ListTable; row: number }> {
    const end = this.#starts[scene + 1] ?? 0;
    for (let position = this.#starts[scene] ?? 0; position < end; position += 1) {
      const number = this.#entries[position] ?? 0;
      const index = this.#bases.findLastIndex((base, at) => {
        return base <= number && (this.#lists[at]?.length ?? 0) > 0;
      });
      const list = this.#lists[index];
      if (list !== undefined) yield { list, row: number - (this.#bases[index] ?? 0) };
    }
  }

  #count(position: number): void {
    this.#starts[position] = (this.#starts[position] ?? 0) + 1;
  }

  #each(visit: (list: ListTable, row: number, number: number) => void): void {
    for (const [index, list] of this.#lists.entries()) {
      const base = this.#bases[index] ?? 0;
      for (let row = 0; row < list.length; row += 1) visit(list, row, base + row);
    }
  }
}

/** Gives the scenes of a plan, reading their entries again. */
export class PlannedScenes {
  readonly #pass: FirstPass;
  readonly #options: SourceOptions;
  readonly #compareTexts: DatasetReading["compareTexts"];
  #entries: SceneEntries | undefined;

  constructor(pass: FirstPass, reading: DatasetReading, options: SourceOptions) {
    this.#pass = pass;
    this.#options = options;
    this.#compareTexts = reading.compareTexts;
  }

  /** The scenes of a split from the given one on, in the order in which the files first name them. */
  *of(split: string, firstScene = 0): Generator<PlannedScene> {
    for (const { entries } of this.#pass.files) entries.requireUnchanged();
    this.#entries ??= new SceneEntries(this.#pass);
    const { scenes } = this.#pass;
    const position = this.#options.splits.findIndex(({ name }) => name === split);
    let numBefore = 0;
    for (let scene = 0; scene < scenes.length; scene += 1) {
      if (scenes.fate(scene) !== sceneFates.written || scenes.split(scene) !== position) continue;
      if (numBefore >= firstScene) yield this.#scene(scene, split, this.#entries);
      numBefore += 1;
    }
  }

  #scene(scene: number, split: string, entries: SceneEntries): PlannedScene {
    const texts: SceneText[] = [];
    const records: RecordPlace[] = [];
    for (const { list, row } of entries.of(scene)) {
      const record = list.record(row);
      records.push(...placesOf(list, row, record));
      texts.push(...this.#textsOf(list, row, record));
    }
    if (this.#compareTexts !== undefined) texts.sort(this.#compareTexts);
    const { sceneKey, pictures } = this.#pass.scenes.description(scene);
    const references = pictures.map((picture) => this.#reference(picture));
    return { draft: { sceneKey, split, pictures: references, texts }, records };
  }

  #textsOf(list: ListTable, row: number, record: ExaminedRecord): SceneText[] {
    const own = record.texts?.() ?? [];
    const nested = usableNested(list, row, record).map(({ text }) => text());
    const partner = list.reading.joins === undefined ? list.partner(row) : -1;
    if (partner < 0) return [...own, ...nested];
    const { list: joining, row: joiningRow } = this.#joiningRecord(list, partner);
    const added = joining.record(joiningRow).adds?.() ?? {};
    return [...own, ...nested].map((text) => ({ ...text, ...added }));
  }

  #joiningRecord(list: ListTable, ordinal: number): { list: ListTable; row: number } {
    const name = list.space.name;
    const joining = this.#pass.files
      .flatMap(({ lists }) => lists)
      .find(({ reading }) => reading.joins === name);
    if (joining === undefined) throw new Error(`nothing joins ${name}`);
    return joining.space.addressOf(ordinal);
  }

  #reference(picture: DescribedPicture): PictureReference {
    const { key, url, flickrPhotoId, license, linkedKeys, folder, name } = picture;
    const found = this.#options.annotationsOnly ? undefined : this.#pass.scenes.find(picture);
    const path = found?.path ?? `${folder}/${name}`;
    return { key, path, url, flickrPhotoId, license, linkedKeys };
  }
}

function usableNested(
  list: ListTable,
  row: number,
  { nested = [] }: ExaminedRecord,
): { readonly id: string; readonly text: () => SceneText; readonly index: number }[] {
  const space = list.nestedSpace;
  return nested.flatMap((record, index) => {
    if ("fault" in record) return [];
    const ordinal = list.nestedStart(row) + index;
    const first = record.id === "" ? ordinal : (space?.ids.get(record.id) ?? ordinal);
    return first === ordinal ? [{ ...record, index }] : [];
  });
}

function placesOf(list: ListTable, row: number, record: ExaminedRecord): RecordPlace[] {
  const file = list.file.file.path;
  const { kind, nestedKind = "", nestedMember = "" } = list.reading;
  const place = placeOfEntry(list, row);
  const inside = `${place}${place.startsWith("/") ? "" : " "}/${nestedMember}/`;
  return [
    { file, kind, record: place, id: record.id },
    ...usableNested(list, row, record).map(({ id, index }) => {
      return { file, kind: nestedKind, record: `${inside}${index}`, id };
    }),
  ];
}
