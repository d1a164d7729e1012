import { readFile } from "node:fs/promises";
import type { AuditVerdict } from "../../audit/verdict.ts";
import { verdictSummary } from "../../audit/verdict-text.ts";
import { sha256 } from "../../core/digest.ts";
import { ConfigError, LeakError } from "../../core/errors.ts";
import { nameOfKey } from "../../core/keys.ts";
import { escapeControls } from "../../core/text.ts";
import type { Progress } from "../../core/progress.ts";
import type { ExcludedName, LoaderSet } from "../../loader/options.ts";
import { WordPieceTokenizer } from "../../loader/text/word-piece.ts";
import type { CachePlan } from "../../shards/remote/cache-plan.ts";
import { readIndex, type ShardSetIndex } from "../../shards/shard-set-index.ts";
import type { TrainingRecipe } from "../../train/recipe.ts";
import { type InitialSource, initialSource } from "../../train/run/initial-weights.ts";
import { runRecord, type RunInputs } from "../../train/run/run-record.ts";
import { readRunSummary, RunFolder, type RunSummary } from "../../train/run/run-folder.ts";
import type { TrainSummary } from "../../train/run/train-options.ts";
import { train } from "../../train/trainer.ts";
import { type Cluster, soloCluster } from "../../tensor/cluster/cluster.ts";
import { joinCluster } from "../../tensor/cluster/join-cluster.ts";
import { loadTensorFlow } from "../../tensor/load.ts";
import { decisionNotes, readDecisions } from "../audit-report/decision-file.ts";
import type { NearChoice } from "../auditing/near-audit.ts";
import { auditShardSets } from "../auditing/shard-set-audit.ts";
import { packageVersion } from "../program.ts";
import type { RankPlan } from "../ranks/rank-plan.ts";
import { shellWord } from "../terminal/shell-word.ts";
import { RunWatch } from "../watching/run-watch.ts";
import type { WatchFlags } from "../watching/watch-flags.ts";
import { readManifest } from "../proving/manifest-files.ts";

export interface TrainingCall {
  readonly recipe: TrainingRecipe;
  /** Folders or URLs of shard sets; all splits that train are trained on. */
  readonly folders: readonly string[];
  /** Where sets that lie on servers are kept; the usual place unless given. */
  readonly cache?: CachePlan | undefined;
  readonly out: string;
  readonly fresh: boolean;
  /** Whether a run of other inputs goes on with these; it is refused when left out. */
  readonly acceptChanges?: boolean | undefined;
  /** How it may be looked at while it goes on. */
  readonly watch?: WatchFlags | undefined;
  /** The processes that train together; this one alone when left out. */
  readonly ranks?: RankPlan | undefined;
  readonly allowLeaks: boolean;
  /** Exclusion manifests: none of their pictures is trained on, whatever the sets say of themselves. */
  readonly exclude?: readonly string[] | undefined;
  /** How the audit looks for near-duplicates; it does not when left out. */
  readonly near?: NearChoice | undefined;
  /** Sets on neither side, through whose pictures its chains may lead. */
  readonly through?: readonly string[] | undefined;
  /** A list of what a person decided about pairs. */
  readonly decisionsFile?: string | undefined;
  /** Published files whose weights the run starts from, each LAYOUT=FILE. */
  readonly initial?: readonly string[] | undefined;
  /** The weights of a run that it starts from, before those of files. */
  readonly sources?: readonly InitialSource[] | undefined;
}

export interface TrainingResult {
  readonly summary: TrainSummary;
  /** How fast the run was: this call, or the one that trained where nothing was left to train. */
  readonly pace: RunSummary;
  readonly auditSummary: string;
  readonly runDigest: string;
}

/** Everything a training run needs, checked: vocabulary, sets, the audit's verdict. */
export interface PreparedTraining {
  readonly vocabulary: { readonly path: string; readonly size: number; readonly text: string };
  readonly sets: readonly LoaderSet[];
  readonly setDigests: readonly string[];
  /** As a run's record has them. */
  readonly proofs: readonly (string | null)[] | undefined;
  readonly trainingScenes: number;
  readonly verdict: AuditVerdict;
  /** For a person, with what was not compared. */
  readonly auditSummary: string;
  /** Names of the pictures that are evaluated on or that a list leaves out; none where leaks are allowed. */
  readonly excluded: readonly ExcludedName[];
}

/** Audits the sets and trains the recipe on them; LeakError when they leak and that is not allowed. */
export async function runTraining(
  call: TrainingCall,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<TrainingResult> {
  const { recipe } = call;
  const prepared = await prepareTraining(call, context);
  await loadTensorFlow(); // where there is none, no folder is begun
  using cluster = await clusterOf(call, context);
  const files = await Promise.all((call.initial ?? []).map((given) => initialSource(given)));
  const initial = [...(call.sources ?? []), ...files];
  const inputs = runInputs({ recipe, prepared, initial });
  using run = cluster.rank === 0 ? await openRun(call, inputs, prepared) : undefined;
  const flags = call.watch ?? {};
  await using watch =
    run && (await RunWatch.open({ ...prepared, ...context, run, recipe, cluster, flags }));
  const runDigest = runRecord(inputs).digest;
  const summary = await train({
    recipe,
    sets: prepared.sets,
    excluded: prepared.excluded,
    vocabulary: prepared.vocabulary,
    runDigest,
    initial,
    run,
    observers: watch?.observers,
    cluster,
    ...context,
  });
  // A call that found nothing left to train keeps the times of the one that trained.
  const isIdle = summary.last === undefined && run !== undefined;
  const earlier = isIdle ? await readRunSummary(call.out) : undefined;
  if (earlier === undefined) await run?.writeSummary(summary);
  return {
    summary,
    pace: earlier ?? summary,
    auditSummary: prepared.auditSummary,
    runDigest,
  };
}

function runInputs({
  initial,
  prepared,
  recipe,
}: {
  readonly recipe: TrainingRecipe;
  readonly prepared: PreparedTraining;
  readonly initial: readonly InitialSource[];
}): RunInputs {
  return {
    recipe,
    ...(initial.length > 0 && {
      initial: initial.map(({ layout, sha256: digest }) => ({ layout, sha256: digest })),
    }),
    vocabularySha256: sha256(prepared.vocabulary.text),
    setDigests: prepared.setDigests,
    audit: { digest: prepared.verdict.digest, clean: prepared.verdict.outcome === "clean" },
    proofs: prepared.proofs,
  };
}

async function openRun(
  { acceptChanges, fresh, out }: TrainingCall,
  inputs: RunInputs,
  { vocabulary }: PreparedTraining,
): Promise<RunFolder> {
  const codeVersion = packageVersion();
  return await RunFolder.open(out, inputs, {
    fresh,
    acceptChanges,
    vocabulary: vocabulary.text,
    codeVersion,
  });
}

async function clusterOf(
  { ranks }: TrainingCall,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<Cluster> {
  if (ranks === undefined) return soloCluster;
  const { config, launcher, patience } = ranks;
  const signal = AbortSignal.any([context.signal, ...(launcher === undefined ? [] : [launcher])]);
  return await joinCluster(config, { ...context, patience, signal });
}

/** Reads what a run is made of and refuses what must not be trained on. */
export async function prepareTraining(
  call: TrainingCall,
  context: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<PreparedTraining> {
  const vocabulary = await readVocabulary(call.recipe.data.vocabulary);
  const { decisionsFile, near, through } = call;
  const { guard, verdict } = await auditShardSets(call.folders, {
    ...context,
    near,
    through,
    decisions: await readDecisions(decisionsFile),
    withGuard: !call.allowLeaks,
  });
  refuseLeaks(verdict, call);
  const indexes = await Promise.all(call.folders.map((folder) => readIndex(folder)));
  const trainingScenes = countTrainingScenes(indexes, call);
  const excluded = call.allowLeaks ? [] : await excludedNames(call, guard);
  const proofs = indexes.map(({ proof }) => proof?.sha256 ?? null);
  return {
    excluded,
    vocabulary,
    sets: trainingSplits(call, indexes),
    setDigests: indexes.map(({ digest }) => digest),
    proofs: proofs.some((digest) => digest !== null) ? proofs : undefined,
    trainingScenes,
    verdict,
    auditSummary: auditSummary(verdict, call),
  };
}

/** What the loader refuses: pictures that the sets evaluate on, and those of the exclusion manifests. */
async function excludedNames(
  call: TrainingCall,
  guard: readonly ExcludedName[],
): Promise<readonly ExcludedName[]> {
  const names = new Set<string>();
  for (const file of call.exclude ?? []) {
    for (const { evalKey, key } of (await readManifest(file)).rows) {
      names.add(nameOfKey(key));
      if (evalKey !== "") names.add(nameOfKey(evalKey)); // version 1 does not say it
    }
  }
  return [...names, ...guard];
}

/** ConfigError when the sets train nothing, or less than a batch. */
export function countTrainingScenes(
  indexes: readonly ShardSetIndex[],
  { recipe }: Pick<TrainingCall, "recipe">,
): number {
  const splits = indexes.flatMap((index) => index.splits).filter(({ role }) => role === "train");
  if (splits.length === 0) {
    throw new ConfigError("none of the sets has a split that trains", {
      remedy: "prepare one with a training split: crossweave prepare coco",
    });
  }
  const scenes = splits.reduce((sum, { numScenes }) => sum + numScenes, 0);
  const { picturesPerBatch } = recipe.data;
  if (scenes >= picturesPerBatch) return scenes;
  throw new ConfigError(
    `the training splits hold ${scenes} scenes, a batch takes ${picturesPerBatch} pictures`,
    { remedy: `add --set data.picturesPerBatch=${Math.max(1, scenes)}, or prepare more scenes` },
  );
}

/** The verdict in a sentence, what became of a person's decisions, and what was not compared. */
function auditSummary(verdict: AuditVerdict, { decisionsFile }: TrainingCall): string {
  const texts = verdict.outcome === "unchecked" ? [] : ["texts were not compared"];
  return [verdictSummary(verdict), ...decisionNotes(verdict, decisionsFile), ...texts].join("; ");
}

function refuseLeaks(verdict: AuditVerdict, call: TrainingCall): void {
  if (verdict.outcome !== "leaking" || call.allowLeaks) return;
  const [first] = verdict.exclusions;
  const example = first === undefined ? "" : `; ${first.key}, for one: ${first.evidence}`;
  throw new LeakError(`these sets are not trained on: ${auditSummary(verdict, call)}${example}`, {
    remedy: `${auditCommand(call)} --exclusions exclusions.json, then prepare with --exclude exclusions.json (or train with --allow-leaks, which marks the run for good)`,
  });
}

/** The audit that finds the same. */
function auditCommand({ decisionsFile, folders, near, through = [] }: TrainingCall): string {
  const { distance, windows } = near ?? {};
  return [
    "crossweave audit",
    ...words(folders),
    ...(through.length === 0 ? [] : ["--through", ...words(through)]),
    ...(near === undefined ? ["--no-near"] : []),
    ...(windows === undefined ? [] : ["--windows", windows]),
    ...(distance === undefined ? [] : ["--near-distance", String(distance)]),
    ...(decisionsFile === undefined ? [] : ["--decisions", ...words([decisionsFile])]),
  ].join(" ");
}

function words(given: readonly string[]): readonly string[] {
  return given.map((word) => shellWord(escapeControls(word)));
}

/** The splits of the sets that are trained on. */
export function trainingSplits(
  { cache, folders }: Pick<TrainingCall, "cache" | "folders">,
  indexes: readonly ShardSetIndex[],
): LoaderSet[] {
  const sets = folders.map((folder, position) => ({
    folder,
    cache,
    splits: (indexes[position]?.splits ?? [])
      .filter(({ role }) => role === "train")
      .map(({ name }) => name),
  }));
  return sets.filter(({ splits }) => splits.length > 0);
}

/** A recipe's vocabulary; ConfigError when it names none. */
export async function readVocabulary(
  path: string,
): Promise<{ readonly path: string; readonly size: number; readonly text: string }> {
  if (path === "") {
    throw new ConfigError("the recipe names no vocabulary", {
      remedy:
        "add --set data.vocabulary=FILE, a WordPiece vocabulary such as bert-base-uncased's vocab.txt",
    });
  }
  const { size } = await WordPieceTokenizer.fromFile(path);
  return { path, size, text: await readFile(path, "utf8") };
}
