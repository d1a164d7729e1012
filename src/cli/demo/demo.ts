import { join } from "node:path";
import { manifestOf } from "../../audit/manifests/exclusion-manifest.ts";
import { verdictSummary } from "../../audit/verdict-text.ts";
import type { AuditVerdict } from "../../audit/verdict.ts";
import { ShardError, StateError } from "../../core/errors.ts";
import { decodedSize } from "../../ingest/pictures/decoded-size.ts";
import { readRecipe } from "../../ingest/recipe.ts";
import { writeRegionFiles } from "../../ingest/small-detector/write-regions.ts";
import { writeSmallWorld } from "../../ingest/small-world/small-world.ts";
import type { ExclusionRules } from "../../ingest/exclusion/exclusion-rules.ts";
import { listedExclusions, noExclusions } from "../../ingest/exclusion/given-rules.ts";
import { validateShardSet } from "../../shards/validation/validate-shard-set.ts";
import { findRuntime } from "../../tensor/load.ts";
import { setupRuntime } from "../../tensor/setup.ts";
import type { CommandContext } from "../frame.ts";
import { packageVersion } from "../program.ts";
import { prepareSet } from "../preparation/prepare-set.ts";
import { auditRow, writeRetrievalReport } from "../runs/run-page.ts";
import { evaluateRun, type RunRetrieval } from "../runs/retrieval.ts";
import { writeManifest } from "../proving/manifest-files.ts";
import { auditShardSets } from "../auditing/shard-set-audit.ts";
import { claimDemoFolder } from "./demo-folder.ts";
import { demoSystems, type TrainedSystem, trainSystem } from "./demo-systems.ts";
import { foundPairs, plantedInCoco } from "./planted-leaks.ts";

export interface DemoCall {
  /** The folder of world, shards, run and report. */
  readonly out: string;
  readonly seed: number;
  /** Undefined: the recipe's. */
  readonly steps: number | undefined;
  /** Removes what an earlier demo wrote to the folder. */
  readonly fresh: boolean;
}

export interface DemoResult {
  readonly audit: { readonly before: AuditVerdict; readonly after: AuditVerdict };
  readonly planted: { readonly numPlanted: number; readonly numFound: number };
  readonly trained: readonly TrainedSystem[];
  /** Visual Parsing's. */
  readonly evaluated: RunRetrieval;
  readonly report: string;
}

/**
 * The whole way on a world of the project's own: draw, prepare, validate, audit (finds what was planted),
 * prepare without it, audit again, train, evaluate on held-out scenes, report. Every station goes on where an
 * interrupted demo stopped.
 */
export async function runDemo(call: DemoCall, frame: CommandContext): Promise<DemoResult> {
  const context = announcing(frame);
  const { say } = context;
  using held = new DisposableStack();
  held.use(await claimDemoFolder(call.out, call));
  await ensureRuntime(context);
  const world = join(call.out, "world");
  say("drawing the small world: six datasets in their official formats");
  const drawn = await writeSmallWorld(world, { seed: call.seed, ...context });
  say(
    `drew ${drawn.numPictures} pictures, planted ${drawn.numPlantedLeaks} leaks across the datasets`,
  );
  await writeRegionFiles(world, context);
  const before = await prepareAndAudit(
    { recipe: "coco", world, out: join(call.out, "shards", "coco-as-published") },
    context,
  );
  const planted = await comparePlanted(world, before);
  say(`the audit found ${planted.numFound} of the ${planted.numPlanted} leaks planted inside COCO`);
  await writeManifest(join(call.out, "exclusions.json"), manifestOf(before, packageVersion()));
  const clean = join(call.out, "shards", "coco");
  const exclusions = listedExclusions(
    new Map(before.exclusions.map((exclusion) => [exclusion.key, exclusion])),
  );
  const after = await prepareAndAudit({ recipe: "coco", world, out: clean, exclusions }, context);
  const withRegions = join(call.out, "shards", "coco-regions");
  await prepareAndAudit({ recipe: "coco-regions", world, out: withRegions, exclusions }, context);
  const trained: TrainedSystem[] = [];
  for (const system of demoSystems) {
    say(`training ${system.name} from random weights`);
    trained.push(await trainSystem(system, call, context));
  }
  const run = join(call.out, demoSystems[0].run);
  say("searching held-out scenes: every picture with every caption");
  const evaluated = await evaluateRun({ run, data: clean, split: "val" }, context);
  const report = await writeRetrievalReport(
    evaluated,
    {
      run,
      data: clean,
      split: "val",
      out: join(call.out, "report"),
      title: "Crossweave's demo: Visual Parsing on a small world",
      description:
        "A world of drawn scenes, written in the official formats with leaks planted in it: prepared, audited, cleaned, trained on and searched on held-out scenes.",
      earlierAudits: [auditRow("as published, with leaks planted", before, planted)],
      command: `crossweave demo --seed ${call.seed}`,
    },
    context,
  );
  return { audit: { before, after }, planted, trained, evaluated, report };
}

interface DemoContext extends CommandContext {
  /** Tells a station, with the time since the start. */
  readonly say: (message: string) => void;
}

function announcing(context: CommandContext): DemoContext {
  const startMs = performance.now();
  const say = (message: string): void => {
    const seconds = Math.round((performance.now() - startMs) / 1000);
    context.progress.say(`[${String(seconds).padStart(3)} s] ${message}`);
  };
  return { ...context, say };
}

async function ensureRuntime(context: CommandContext): Promise<void> {
  if ((await findRuntime()) !== undefined) return;
  await setupRuntime({ device: "cpu", ...context });
}

interface PrepareRequest {
  /** The preparation's recipe. */
  readonly recipe: string;
  readonly world: string;
  readonly out: string;
  readonly exclusions?: ExclusionRules;
}

async function prepareAndAudit(
  request: PrepareRequest,
  context: DemoContext,
): Promise<AuditVerdict> {
  const recipe = await readRecipe(request.recipe);
  const exclusions = request.exclusions ?? noExclusions;
  const { index } = await prepareSet(
    {
      recipe,
      sourceFolder: request.world,
      outFolder: request.out,
      allowMissing: false,
      acceptUnknownRelease: false,
      exclusions,
      strict: false,
      quarantineLimit: recipe.quarantineLimit,
      numWorkers: 2,
      fresh: false,
    },
    context,
  );
  const scenes = index.splits.map(({ name, numScenes }) => `${name} ${numScenes}`).join(", ");
  context.say(`prepared ${request.recipe} into ${request.out}: ${scenes}`);
  const report = await validateShardSet(request.out, { ...context, decode: decodedSize });
  if (!report.isValid) {
    throw new ShardError(`${request.out} was prepared a moment ago and does not validate`, {
      file: request.out,
      remedy: "remove the folder and start the demo again; if it happens twice, report it",
    });
  }
  const { verdict } = await auditShardSets([request.out], { ...context, near: {} });
  context.say(`validated every byte; audit: ${verdictSummary(verdict)}`);
  return verdict;
}

async function comparePlanted(
  world: string,
  verdict: AuditVerdict,
): Promise<{ readonly numPlanted: number; readonly numFound: number }> {
  const planted = await plantedInCoco(world);
  const found = foundPairs(verdict.leaks);
  if (planted.symmetricDifference(found).size > 0) {
    throw new StateError("the audit's list is not the list of planted leaks", {
      file: join(world, "planted-leaks.json"),
      remedy: "report it with both lists: crossweave audit prints the found ones",
    });
  }
  return { numPlanted: planted.size, numFound: found.size };
}
