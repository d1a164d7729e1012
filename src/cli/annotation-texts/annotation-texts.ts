import { setImmediate } from "node:timers/promises";
import { defaultListing } from "../../audit/audit-splits.ts";
import type { EvaluatedPictures, PictureSide } from "../../audit/crosswalk/evaluated-pictures.ts";
import { type SharedTexts, sharedTexts } from "../../audit/crosswalk/evaluation-texts.ts";
import type { TextLeak } from "../../audit/findings.ts";
import { textFindings } from "../../audit/texts/find-text-leaks.ts";
import { type ComparedSplits, ProtectedTexts } from "../../audit/texts/protected-texts.ts";
import type { TextCell, TextSummary } from "../../audit/texts/text-findings.ts";
import { TextLeakCollector } from "../../audit/texts/text-leak-collector.ts";
import type { SceneDraft } from "../../core/records.ts";
import { snliParts } from "../../ingest/membership/snli.ts";
import type { AnnotationContext } from "../annotation-audit/annotation-pictures.ts";
import type { AuditGroups } from "../annotation-audit/compared-groups.ts";
import {
  openReading,
  type OpenedTexts,
  type ReadTexts,
  snliReading,
  textReadings,
  withoutTexts,
} from "./text-readings.ts";

/** What of the evaluation splits' texts is in the training sets, as annotation files tell them. */
export interface AnnotatedTexts {
  /** Of the texts that are trained on: those of pictures that the policy leaves out are not among them. */
  readonly summary: TextSummary;
  /** The first texts that are trained on with their pictures. */
  readonly leaks: readonly TextLeak[];
  /** Training texts that are texts of evaluation pictures. */
  readonly numLeaks: number;
  /** The same of the texts whose pictures the policy leaves out; undefined when it leaves out nothing. */
  readonly leftOut: LeftOutTexts | undefined;
  /** The training sets and evaluation splits whose texts no file here tells. */
  readonly unknown: readonly string[];
  /** What evaluation splits have in common. */
  readonly betweenEvaluations: readonly SharedTexts[];
}

/** Training texts that a policy leaves out with their pictures. */
export interface LeftOutTexts extends Pick<TextSummary, "yields" | "matrix"> {
  readonly texts: number;
  /** Those that are texts of evaluation pictures. */
  readonly numLeaks: number;
}

interface ComparedFolder {
  readonly folder: string;
  readonly pictures: EvaluatedPictures;
}

/**
 * Compares the texts of the training sets with those of the evaluation splits, and those of the evaluation splits with one
 * another, by the groups of an audit; SNLI, on which text encoders are trained, counts as training where it is there. Every
 * file streams past once for each published split, and each text is read once more. Undefined where no evaluation split
 * has texts. Throws SourceError when a file is damaged.
 */
export async function compareAnnotatedTexts(
  chosen: AuditGroups,
  { folder, pictures }: ComparedFolder,
  context: AnnotationContext,
): Promise<AnnotatedTexts | undefined> {
  const comparison = new TextComparison(chosen, pictures, context);
  const open: OpenedTexts[] = [];
  using held = new DisposableStack();
  held.defer(() => open.forEach((opened) => opened[Symbol.dispose]()));
  const readings = [...(await textReadings(chosen)), snliReading(chosen.groups.length)];
  for (const reading of readings.filter(isEvaluated)) {
    for (const opened of await openReading(reading, folder, context)) {
      open.push(opened);
      await comparison.protect(opened);
    }
  }
  if (comparison.isEmpty) return undefined;
  comparison.seal();
  // What is no longer needed goes at once: a reading holds some tens of bytes for each record.
  for (let opened = open.shift(); opened !== undefined; opened = open.shift()) {
    using checked = opened;
    await comparison.check(checked);
  }
  for (const reading of readings.filter((one) => !isEvaluated(one))) {
    for (const opened of await openReading(reading, folder, context)) {
      using reopened = opened;
      await comparison.check(reopened);
    }
  }
  return comparison.findings();
}

function isEvaluated({ texts }: { readonly texts: readonly ReadTexts[] }): boolean {
  return texts.some(({ evaluations }) => evaluations.length > 0);
}

const SCENES_PER_REPORT = 10_000;

class TextComparison {
  readonly #pictures: EvaluatedPictures;
  readonly #context: AnnotationContext;
  readonly #compared: ComparedSplits;
  readonly #texts = new ProtectedTexts();
  #numWithoutWords = 0;
  /** The groups whose texts were read. */
  readonly #read = new Set<number>();
  #kept: TextLeakCollector | undefined;
  #leftOut: TextLeakCollector | undefined;

  readonly #asked: AuditGroups;

  constructor(asked: AuditGroups, pictures: EvaluatedPictures, context: AnnotationContext) {
    const { groups } = asked;
    this.#asked = asked;
    const names = [
      ...groups.map(({ name }) => name),
      ...snliParts.map((part) => `SNLI ${part}, for text encoders`),
    ];
    const splits = names.map((set) => {
      return { set, split: "", digest: "", pictures: 0, role: "witness" as const };
    });
    this.#pictures = pictures;
    this.#context = context;
    this.#compared = { identities: pictures.identities, splits };
  }

  get isEmpty(): boolean {
    return this.#texts.length === 0;
  }

  /** Takes the evaluation texts of a reading. */
  async protect({ dataset, listed, texts }: OpenedTexts): Promise<void> {
    for (const { evaluations, name } of texts) {
      if (evaluations.length === 0) continue;
      for await (const scene of this.#scenesOf(listed.scenes(name), `${dataset} ${name}`)) {
        for (const source of evaluations) this.#protectScene(scene, source);
      }
    }
  }

  /** Once all evaluation texts are taken. */
  seal(): void {
    this.#texts.seal();
    const search = { related: this.#compared, listing: defaultListing };
    this.#kept = new TextLeakCollector(this.#texts, search);
    this.#leftOut =
      this.#asked.leftOut !== undefined ? new TextLeakCollector(this.#texts, search) : undefined;
  }

  /** Holds the training texts of a reading against them. */
  async check({ dataset, listed, texts }: OpenedTexts): Promise<void> {
    for (const { name, training } of texts) {
      if (training.length === 0) continue;
      const mayGo = training.every((group) => group < this.#asked.groups.length); // no policy speaks of SNLI
      for await (const scene of this.#scenesOf(listed.scenes(name), `${dataset} ${name}`)) {
        const isLeftOut = mayGo && scene.pictures.some(({ key }) => this.#pictures.isLeftOut(key));
        const collector = isLeftOut ? this.#leftOut : this.#kept;
        for (const source of training) {
          this.#read.add(source);
          const pictures = this.#numbersOf(scene, "train");
          collector?.check(scene, { source, sceneKey: scene.sceneKey, pictures });
        }
      }
    }
  }

  findings(): AnnotatedTexts | undefined {
    if (this.#kept === undefined) return undefined;
    const { leaks, numLeaks, summary } = textFindings(
      this.#kept,
      this.#texts,
      this.#numWithoutWords,
    );
    return {
      leaks,
      numLeaks,
      summary: { ...summary, matrix: summary.matrix.map(named) },
      leftOut: this.#leftOut === undefined ? undefined : leftOutTexts(this.#leftOut),
      unknown: this.#unknown(),
      betweenEvaluations: sharedTexts(this.#texts, this.#compared),
    };
  }

  #unknown(): readonly string[] {
    const { evaluations, groups, training } = this.#asked;
    return [...training, ...evaluations].flatMap((group) => {
      const hasTexts = groups[group]?.members.some(({ dataset }) => !withoutTexts.has(dataset));
      return hasTexts === true && !this.#read.has(group) ? [groups[group]?.name ?? ""] : [];
    });
  }

  async *#scenesOf(
    scenes: Iterable<SceneDraft> | AsyncIterable<SceneDraft>,
    of: string,
  ): AsyncGenerator<SceneDraft> {
    const { progress, signal } = this.#context;
    let done = 0;
    for await (const scene of scenes) {
      yield scene;
      done += 1;
      if (done % SCENES_PER_REPORT > 0) continue;
      progress.report({ activity: `comparing the texts of ${of}`, done, unit: "scenes" });
      await setImmediate(); // for Ctrl-C to be heard
      signal.throwIfAborted();
    }
  }

  #protectScene(scene: SceneDraft, source: number): void {
    const { sceneKey, texts } = scene;
    this.#read.add(source);
    const at = { source, sceneKey, pictures: this.#numbersOf(scene, "eval") };
    for (const text of texts) if (!this.#texts.add(at, text)) this.#numWithoutWords += 1;
  }

  #numbersOf({ pictures }: SceneDraft, side: PictureSide): readonly number[] {
    return pictures.flatMap(({ key }) => this.#pictures.numberOf(key, side) ?? []);
  }
}

function leftOutTexts(collector: TextLeakCollector): LeftOutTexts {
  return {
    texts: collector.numCompared,
    numLeaks: collector.numLeaks(),
    yields: collector.yields(),
    matrix: collector.matrix().map(named),
  };
}

/** A cell names a group, which is no split of a set. */
function named(cell: TextCell): TextCell {
  const [train = "", evaluated = ""] = [cell.train, cell.eval].map((name) => name.slice(0, -1));
  return { ...cell, train, eval: evaluated };
}
