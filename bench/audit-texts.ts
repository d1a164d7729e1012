// Captions compared with captions (AUDIT.md G17): `node bench/audit-texts.ts [captions, 5000000]`. A tenth are evaluation
// texts. They are sentences of Multi30K in which words were exchanged; of every thousandth training text it is known
// which evaluation text it was made of, and how similar the two are.
import { cpus } from "node:os";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { defaultListing } from "../src/audit/audit-splits.ts";
import { relateSplits } from "../src/audit/relate-splits.ts";
import { comparedWords } from "../src/audit/texts/compared-text.ts";
import { findTextLeaks } from "../src/audit/texts/find-text-leaks.ts";
import { NUM_BANDS, ROWS_PER_BAND } from "../src/audit/texts/min-hash.ts";
import { ProtectedTexts } from "../src/audit/texts/protected-texts.ts";
import { shinglesOf, similarityOf } from "../src/audit/texts/shingles.ts";
import type { AuditedSplit } from "../src/audit/verdict.ts";
import { RandomStream } from "../src/core/random.ts";
import type { SceneHead, SceneText } from "../src/core/records.ts";
import { realData } from "../test/real-data.ts";
import { pictureOf } from "../test/audit/picture-fixtures.ts";
import { demand, report } from "./shard-reading/measures.ts";

const TEXTS_PER_SCENE = 5;
const PLANTED_EVERY = 1000;
const numTexts = Number(process.argv[2] ?? 5_000_000);
const numEval = Math.floor(numTexts / 10);

const sentences = [1, 2, 3, 4, 5].flatMap((file) =>
  gunzipSync(readFileSync(realData(`flickr30k/multi30k/train.${file}.en.gz`)))
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((sentence) => sentence.split(" ")),
);
const words = Array.from(new Set(sentences.flat())).toSorted();

/** The evaluation text of that number: a sentence with every third word another one. */
function evaluationText(number: number): string[] {
  const random = new RandomStream(number);
  const sentence = sentences[random.nextInt(sentences.length)] ?? [];
  return sentence.map((word) => (random.nextInt(3) === 0 ? anyWord(random) : word));
}

function trainingText(number: number): string[] {
  if (number % PLANTED_EVERY > 0) return evaluationText(numEval + number);
  const random = new RandomStream(2 * numTexts + number);
  const copy = evaluationText((number * 7) % numEval);
  copy[random.nextInt(copy.length)] = anyWord(random);
  return copy;
}

function anyWord(random: RandomStream): string {
  return words[random.nextInt(words.length)] ?? "";
}

function splits(): AuditedSplit[] {
  return [
    { set: "coco", setDigest: "1", split: "test", role: "eval", heads: heads(numEval, 0) },
    {
      set: "cc",
      setDigest: "2",
      split: "train",
      role: "train",
      heads: heads(numTexts - numEval, 1),
    },
  ];
}

async function* heads(count: number, side: 0 | 1): AsyncGenerator<SceneHead> {
  const picture = pictureOf(0);
  for (let first = 0; first < count; first += TEXTS_PER_SCENE) {
    const key = `coco:${side}${first}` as const;
    const name = `${side} ${first}`;
    const own = { ...picture, key, sha256: name, sourceSha256: name, pixelSha256: "" };
    yield { sceneKey: key, pictures: [own], texts: textsFrom(first, side) };
  }
}

function textsFrom(first: number, side: 0 | 1): SceneText[] {
  return Array.from({ length: TEXTS_PER_SCENE }, (_, index) => ({
    id: String(first + index),
    kind: "caption",
    text: (side === 0 ? evaluationText(first + index) : trainingText(first + index)).join(" "),
    label: null,
    answers: [],
    choices: [],
    box: null,
    context: null,
  }));
}

report("machine", `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}`);
await compareAll();
measureRecall();

async function compareAll(): Promise<void> {
  const drawn = process.cpuUsage();
  for await (const _ of heads(numEval, 0));
  for await (const _ of heads(numTexts - numEval, 1));
  const drawing = seconds(process.cpuUsage(drawn));
  const related = await relateSplits(splits());
  const before = process.cpuUsage();
  const startMs = performance.now();
  const { summary } = await findTextLeaks({ splits: splits(), related, listing: defaultListing });
  const wall = (performance.now() - startMs) / 1000;
  const cpu = seconds(process.cpuUsage(before));
  const { compared } = summary;
  report("compared", `${compared.train} training and ${compared.eval} evaluation texts`);
  for (const { rule, trainTexts } of summary.yields) report(`  ${rule}`, `${trainTexts}`);
  report("  of it drawing the texts", `${drawing.toFixed(1)} s of CPU`);
  report("  CPU without drawing", `${(cpu - drawing).toFixed(1)} s`);
  demand("seconds by the clock (G17)", wall, { atMost: 300, unit: "s" });
  report("resident at most", `${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
}

/** Of the planted pairs with a similarity of about .8, how many are found. */
function measureRecall(): void {
  const texts = new ProtectedTexts();
  const scene = { source: 0, sceneKey: "coco:1", pictures: [0] };
  const planted: { copy: string; original: string }[] = [];
  for (let number = 0; number < Math.min(20_000_000, 1000 * numEval); number += PLANTED_EVERY) {
    const original = evaluationText((number * 7) % numEval).join(" ");
    planted.push({ copy: trainingText(number).join(" "), original });
    for (const text of textsFrom(0, 0).slice(0, 1)) texts.add(scene, { ...text, text: original });
  }
  texts.seal();
  const found = { near: 0, all: 0 };
  for (const { copy, original } of planted) {
    const [one, other] = [copy, original].map((text) => shinglesOf(comparedWords(text)));
    const similarity = one === undefined || other === undefined ? 0 : similarityOf(one, other);
    if (similarity < 0.78 || similarity > 0.82) continue;
    found.all += 1;
    if ((texts.lookUp(copy)?.similar ?? []).some((its) => its.similarity === similarity)) {
      found.near += 1;
    }
  }
  report("planted pairs of similarity .78 to .82", `${found.all}`);
  demand("recall of them (G17)", found.near / found.all, { atLeast: 0.92, unit: "" });
  report(
    `  by theory at .8, ${NUM_BANDS} bands of ${ROWS_PER_BAND}`,
    theory(NUM_BANDS, ROWS_PER_BAND).toFixed(4),
  );
  report("  datatrove's 14 bands of 8", theory(14, 8).toFixed(4));
}

/** The probability that two texts of a similarity of .8 share a band. */
function theory(bands: number, rows: number): number {
  return 1 - (1 - 0.8 ** rows) ** bands;
}

function seconds({ system, user }: NodeJS.CpuUsage): number {
  return (system + user) / 1e6;
}
