import { copyFile, mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vqa2 } from "../../../src/ingest/datasets/vqa2.ts";
import type { SourceOptions, SourcePlan, SourceSplit } from "../../../src/ingest/source.ts";
import { realData } from "../../real-data.ts";
import { everything, writeFileBelow } from "../coco-folder.ts";
import { planOptions } from "../plan-options.ts";

/** The official split. */
export const vqaSplits: readonly SourceSplit[] = [
  { name: "train", role: "train", parts: ["train"] },
  { name: "val", role: "eval", parts: ["val"] },
  { name: "test", role: "eval", parts: ["test"] },
];

type VqaRecord = Readonly<Record<string, unknown>>;

/** By the official names: "train2014", "test-dev2015". */
export interface VqaContent {
  readonly questions?: Readonly<Record<string, readonly unknown[]>>;
  readonly annotations?: Readonly<Record<string, readonly unknown[]>>;
}

/** Writes a folder in the official layout and gives its path. */
export async function writeVqa({ questions = {}, annotations = {} }: VqaContent): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "crossweave-vqa2-"));
  for (const [name, list] of Object.entries(questions)) {
    const document = JSON.stringify({ ...head, task_type: "Open-Ended", questions: list });
    await writeFileBelow(folder, `vqa2/v2_OpenEnded_mscoco_${name}_questions.json`, document);
  }
  for (const [name, list] of Object.entries(annotations)) {
    const document = JSON.stringify({ ...head, annotations: list });
    await writeFileBelow(folder, `vqa2/v2_mscoco_${name}_annotations.json`, document);
  }
  return folder;
}

const head = { info: { version: "2.0" }, license: { name: "CC BY 4.0" }, data_type: "mscoco" };

/** Puts the real files below a folder: three questions of train, a hundred of val. */
export async function layOutRealVqa2(folder: string): Promise<void> {
  await mkdir(join(folder, "vqa2"), { recursive: true });
  for (const [name, cut] of [
    ["train2014", "first3"],
    ["val2014", "first100"],
  ] as const) {
    for (const file of [`v2_OpenEnded_mscoco_${name}_questions`, `v2_mscoco_${name}_annotations`]) {
      const from = realData("vqa2", `${file}.${cut}.json`);
      await copyFile(from, join(folder, "vqa2", `${file}.json`));
    }
  }
}

export function planVqa(folder: string, choice: Partial<SourceOptions> = {}): Promise<SourcePlan> {
  const options = { ...planOptions(folder), splits: everything, annotationsOnly: true };
  return vqa2.plan({ ...options, ...choice });
}

export function questionOf(id: unknown, imageId: unknown, fields: VqaRecord = {}): VqaRecord {
  return { image_id: imageId, question: `What is ${String(id)}?`, question_id: id, ...fields };
}

/** Ten answers, of which the first few are "yes". */
export function answersOf(numYes = 10): VqaRecord[] {
  return Array.from({ length: 10 }, (_, index) => {
    const answer = index < numYes ? "yes" : "no";
    return { answer, answer_confidence: "yes", answer_id: index + 1 };
  });
}

export function annotationOf(id: unknown, imageId: unknown, fields: VqaRecord = {}): VqaRecord {
  return {
    question_type: "what is",
    multiple_choice_answer: "yes",
    answers: answersOf(),
    image_id: imageId,
    answer_type: "yes/no",
    question_id: id,
    ...fields,
  };
}
