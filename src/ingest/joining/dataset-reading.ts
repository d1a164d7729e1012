import type { ImageKey } from "../../core/keys.ts";
import type { SceneText } from "../../core/records.ts";
import type { DatasetManifest } from "../dataset-manifest.ts";
import type { PictureLookup } from "../pictures/picture-folders.ts";
import type { PublishedSplit } from "../published-split.ts";

/**
 * How a dataset's annotation files are read: what each entry says, which picture it is about, which
 * entries belong together. `planDataset` does all the rest for every dataset alike: it streams the
 * files, finds doubles and dangling references, decides the fate of every record and gives the scenes,
 * in memory that does not grow with the texts.
 *
 * Each entry is examined when its file streams past, and once more when its scene is written; `examine`
 * is therefore cheap and pure, and texts and pictures are functions that are called when needed.
 */
export interface DatasetReading {
  readonly manifest: DatasetManifest;
  /** The annotation files that are there, in a fixed order. */
  readonly files: readonly FileReading[];
  /** Where pictures are looked for. */
  readonly pictures: PictureLookup;
  /** The published split whose parts the recipe takes; without one the parts are the files' own. */
  readonly split?: PublishedSplit | undefined;
  /** The key of a picture that the split names, for those that no file lists. */
  readonly keyOfSplitId?: (id: string) => ImageKey;
  /** The order of a scene's texts; the order of the files without it. */
  readonly compareTexts?: (a: SceneText, b: SceneText) => number;
  /** Official files that are wanted and not there; by default the rest of each release of which a file is there. */
  readonly absentFiles?: readonly string[] | undefined;
}

/** One annotation file. */
export interface FileReading {
  /** Official path below the source folder: "vg/region_descriptions.json". `.gz` and `.zip` beside it are found too. */
  readonly path: string;
  /**
   * `json`: the lists of a JSON document; `json-lines`: one JSON value a line; `lines`: one text a line;
   * `csv`: rows as lists of fields (RFC 4180), the header included as entry 0; `pickle`: a list,
   * read as plain data.
   */
  readonly format: "json" | "json-lines" | "lines" | "csv" | "pickle";
  /** By the key of the list in the document; "" when the document is the list, and for other formats. */
  readonly lists: Readonly<Record<string, ListReading>>;
  /** Sees the entries of lists and members that are no records, such as COCO's licences. */
  readonly readAside?: (member: string, value: unknown) => void;
}

/** One list of a file: its entries are records. */
export interface ListReading {
  /** What its records are called in counts and ledger: "image", "caption", "question". */
  readonly kind: string;
  /** Lists in whose records an id may stand once; the kind without it. Visual Genome's lists of regions repeat the images' ids. */
  readonly idSpace?: string;
  /** What the records inside an entry are called: "region" of Visual Genome's images. */
  readonly nestedKind?: string;
  /** The key of the list inside an entry, for JSON pointers: "regions". */
  readonly nestedMember?: string;
  /**
   * The kind (or id space) that `joinKey` leads to, in a list that comes before: annotations join
   * questions, and give them what they `add`. One record joins one.
   */
  readonly joins?: string;
  /** The kind of which each of these records needs one to join it, such as a question its annotation. */
  readonly needs?: string;
  /** What becomes of a record that joins nothing, or whose scene no list describes; quarantined as dangling without it. */
  readonly unclaimed?: Fate;
  /** Digest this list's ids, to recognise an official file by its content. */
  readonly digestsIds?: boolean;
  readonly examine: (entry: Entry) => Examined;
}

/** An entry of a list, as its file has it. */
export interface Entry {
  /** What the JSON says, the line without its end, or the fields of a row. */
  readonly value: unknown;
  /** Position in the list, or line number minus one. */
  readonly index: number;
}

/** What an entry is: a record, a faulty one, or none at all (a header, an empty line of text). */
export type Examined = ExaminedRecord | RecordFault | NoRecord;

/** An entry that is no record and is not counted: a header line, an empty last line. */
export interface NoRecord {
  readonly noRecord: true;
}

/** A record that cannot be used: it is quarantined, or stops the preparation with --strict. */
export interface RecordFault {
  /** "ANN_SHAPE" a field is missing or of the wrong type · "ANN_BOX" · "ANN_CONFLICT" · "CAP_EMPTY" … */
  readonly fault: string;
  /** What was found and what was expected, with the JSON pointer inside the entry. */
  readonly evidence: string;
  /** The publisher's id where it can be read. */
  readonly id?: string;
}

export interface ExaminedRecord {
  /** The publisher's id; unique among the records of its kind. "" where the format has none (then the place names it). */
  readonly id: string;
  /** Names the scene among the dataset's, such as COCO's image id; null when the joined record says it. */
  readonly sceneId: string | null;
  /** What records of two kinds are joined by. */
  readonly joinKey?: string;
  /** Given by records that name a picture: the scene exists because of them. Called once for each scene, and once more when it is written. */
  readonly describe?: () => SceneDescription;
  /** Why a record that is well-formed is left out by the publisher's own rule, such as a label "-". */
  readonly leftOut?: Fate;
  /** The texts it gives its scene. */
  readonly texts?: () => readonly SceneText[];
  /** How many texts `texts` gives; 1 when it is there. */
  readonly numTexts?: number;
  /** What it gives to the texts of the record it joins. */
  readonly adds?: () => Partial<SceneText>;
  /** The records inside it. */
  readonly nested?: readonly (NestedRecord | RecordFault)[];
  /** Text that is equal for two records with one id that say the same; the entry's JSON without it. */
  readonly essence?: () => string;
}

/** A record inside an entry; it gives its scene one text. */
export interface NestedRecord {
  readonly id: string;
  readonly text: () => SceneText;
}

/** What a scene is, before its pictures are opened. */
export interface SceneDescription {
  readonly sceneKey: string;
  /** Which part of the published split it is in, and where that is written; undefined when in none. */
  readonly part: PartMembership | undefined;
  readonly pictures: readonly DescribedPicture[];
}

export interface PartMembership {
  readonly part: string;
  /** File and place: "karpathy/coco_test.txt line 17". */
  readonly evidence: string;
}

export interface DescribedPicture {
  readonly key: ImageKey;
  /** Name of its file, or the id that names of files spell (see PictureFolders). */
  readonly name: string;
  /** Where it is looked for first, below the source folder. */
  readonly folder: string;
  readonly url: string | null;
  readonly flickrPhotoId: string | null;
  readonly license: string | null;
  /** Keys of other collections that the publisher says are the same picture (Visual Genome's coco_id). */
  readonly linkedKeys: readonly ImageKey[];
}

/** What becomes of a record that is not written. */
export interface Fate {
  readonly outcome: "excluded" | "quarantined" | "missing";
  readonly reason: string;
  readonly evidence: string;
}
