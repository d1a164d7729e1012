import { join } from "node:path";
import { verdictSummary } from "../../audit/verdict-text.ts";
import type { AuditVerdict } from "../../audit/verdict.ts";
import { writeFileAtomically } from "../../core/files.ts";
import type { Progress } from "../../core/progress.ts";
import type { Recall } from "../../eval/retrieval-ranks.ts";
import { renderRunReport } from "../../report/render-run-report.ts";
import type {
  ReportAudit,
  RetrievalDirection,
  RunFacts,
  RunReport,
} from "../../report/run-report.ts";
import { ShardSetReader } from "../../shards/shard-set-reader.ts";
import { tensorFlowBackend } from "../../tensor/backend.ts";
import { recipeEntries } from "../../train/recipe.ts";
import { readMetrics, readRunSummary } from "../../train/run/run-folder.ts";
import { packageVersion } from "../program.ts";
import { auditShardSets } from "../auditing/shard-set-audit.ts";
import { runCurves } from "../watching/run-curves.ts";
import { exampleQueries } from "./retrieval-examples.ts";
import { writeResults } from "./results-folder.ts";
import { retrievalJson } from "./retrieval-text.ts";
import type { RetrievalCall, RunRetrieval } from "./retrieval.ts";

export interface ReportCall extends RetrievalCall {
  /** Where report.html and results.json go. */
  readonly out: string;
  readonly title?: string;
  readonly description?: string;
  /** Audits that came before the last one, such as the one that found what was then left out. */
  readonly earlierAudits?: readonly ReportAudit[];
  readonly command?: string;
}

/** Writes results.json and the run's page; gives the page's path. */
export async function writeRetrievalReport(
  evaluated: RunRetrieval,
  call: ReportCall,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<string> {
  await using reader = await ShardSetReader.open(call.data);
  const { verdict } = await auditShardSets([call.data], context);
  const examples = await exampleQueries(evaluated, reader.split(evaluated.split.name));
  const report: RunReport = {
    title: call.title ?? `${evaluated.record.recipe.name} on ${evaluated.set.name}`,
    description: call.description ?? describe(evaluated),
    retrieval: [retrievalRows(evaluated)],
    accuracies: [matchingRow(evaluated)],
    curves: runCurves(await readMetrics(call.run), evaluated.record.recipe),
    ...examples,
    audits: [...(call.earlierAudits ?? []), auditRow(stageOf(evaluated), verdict)],
    ledgers: [{ set: reader.index.name, counts: reader.index.counts }],
    recipe: recipeEntries(evaluated.record.recipe),
    facts: await factsOf(evaluated, call),
  };
  await writeResults(call.out, retrievalJson(evaluated));
  const page = join(call.out, "report.html");
  await writeFileAtomically(page, await renderRunReport(report));
  return page;
}

function stageOf({ record, set }: RunRetrieval): string {
  return record.setDigests.includes(set.digest)
    ? "the set that was trained on"
    : "the set that was searched, which the run was not trained on";
}

/** An audit as the page shows it. */
export function auditRow(
  stage: string,
  verdict: AuditVerdict,
  planted: ReportAudit["planted"] = null,
): ReportAudit {
  return { stage, summary: verdictSummary(verdict), verdict, planted };
}

function describe({ retrieval, split, set }: RunRetrieval): string {
  const { numPictures, numTexts } = retrieval.metrics;
  const what = split.role === "train" ? "trained on: this is fitting" : "held out";
  return `Visual Parsing, pre-trained from random weights and searched on ${numPictures} pictures and ${numTexts} texts of ${set.name}/${split.name}, ${what}.`;
}

function retrievalRows({ retrieval, split }: RunRetrieval): RunReport["retrieval"][number] {
  const { metrics } = retrieval;
  const { chance, numPictures, numTexts, pictureToText, textToPicture } = metrics;
  return {
    name: `${numPictures} pictures and ${numTexts} texts of ${split.name} (${split.role})`,
    textToPicture: direction(textToPicture, chance.textToPicture, [numTexts, numPictures]),
    pictureToText: direction(pictureToText, chance.pictureToText, [numPictures, numTexts]),
  };
}

function direction(
  recall: Recall,
  chance: Recall,
  [numQueries, numCandidates]: readonly [number, number],
): RetrievalDirection {
  return {
    numQueries,
    numCandidates,
    recalls: [
      { k: 1, recall: recall.at1, chance: chance.at1 },
      { k: 5, recall: recall.at5, chance: chance.at5 },
      { k: 10, recall: recall.at10, chance: chance.at10 },
    ],
  };
}

function matchingRow({ matching, split }: RunRetrieval): RunReport["accuracies"][number] {
  return {
    name: "image-text matching",
    split: `${split.name} (${split.role})`,
    accuracy: matching.accuracy,
    chance: matching.chance,
    numExamples: matching.numPairs,
  };
}

async function factsOf(evaluated: RunRetrieval, call: ReportCall): Promise<RunFacts> {
  const { record, step } = evaluated;
  const summary = await readRunSummary(call.run);
  return {
    recipe: record.recipe.name,
    seed: record.recipe.seed,
    device: tensorFlowBackend().binding.isUsingGpuDevice() ? "gpu" : "cpu",
    numSteps: step,
    seconds: summary?.seconds ?? 0,
    picturesPerSecond: summary?.picturesPerSecond ?? 0,
    dataWaitShare: summary?.dataWaitShare ?? 0,
    numParameters: summary?.numWeights ?? 0,
    versions: [
      { name: "crossweave", version: packageVersion() },
      { name: "TensorFlow", version: tensorFlowBackend().binding.TF_Version },
      { name: "Node", version: process.version },
    ],
    command: call.command ?? null,
  };
}
