import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { RefusedError } from "../../core/errors.ts";
import { explainedWriteError, writeFileAtomically } from "../../core/files.ts";
import type { PreparationPlan } from "../../ingest/preparation-plan.ts";
import { recipeJson } from "../../ingest/recipe.ts";
import { writeLedger } from "../../shards/ledger.ts";
import { UNFINISHED_FOLDER } from "../../shards/shard-set-index.ts";
import {
  countedLedger,
  exclusionsJson,
  isPartial,
  planOf,
  type PrepareCall,
  type PrepareContext,
} from "./prepare-set.ts";
import type { PreparedSummary } from "./prepare-text.ts";
import {
  ANNOTATIONS_FILE,
  type Claim,
  claimFolder,
  clearFolder,
  finishedSet,
} from "./set-folder.ts";
import { summaryOfPlan } from "./summary.ts";

const FORMAT = "crossweave-annotations";

const accountSchema = z.object({ format: z.literal(FORMAT), planDigest: z.string() });

/**
 * Accounts for every record of the annotation files as if every picture were there: writes the ledger
 * and `annotations.json` (recipe, files with digests, release, splits, counts) and no shard.
 * Throws RefusedError when the folder holds anything else.
 */
export async function accountForAnnotations(
  call: PrepareCall,
  context: PrepareContext,
): Promise<PreparedSummary> {
  using plan = await planOf(call, context, { annotationsOnly: true });
  const { recipe, outFolder: folder } = call;
  const splits = recipe.splits.map(({ name }) => name);
  const claim: Claim = { folder, recipe: recipe.name, planDigest: plan.digest, splits };
  if (call.fresh) await clearFolder(claim);
  if (!(await isAccountOf(claim))) {
    using held = new DisposableStack();
    held.use(await claimFolder(claim));
    await writeAccount(plan, call);
  }
  return await summaryOfPlan(call, plan, "accounted"); // the plan is closed on leaving
}

/** Whether the folder holds this very account. */
async function isAccountOf({ folder, planDigest }: Claim): Promise<boolean> {
  const path = join(folder, ANNOTATIONS_FILE);
  const isSet = (await finishedSet(folder)) !== undefined;
  if (!isSet && !existsSync(path)) return false;
  const found = isSet ? undefined : accountSchema.safeParse(parsed(await readFile(path, "utf8")));
  if (found?.data?.planDigest === planDigest) return true;
  const what = isSet ? "a shard set" : "an account of other annotations or settings";
  throw new RefusedError(`${folder} holds ${what}`, {
    file: folder,
    remedy: "choose another --out folder, or add --fresh to remove it and start over",
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function writeAccount(plan: PreparationPlan, call: PrepareCall): Promise<void> {
  const { recipe, outFolder } = call;
  const ledger = await writeLedger(outFolder, countedLedger(plan.counts, plan.ledger()));
  const account = {
    format: FORMAT,
    version: 1,
    planDigest: plan.digest,
    recipe: recipeJson(recipe),
    exclusions: exclusionsJson(call),
    release: plan.release,
    partial: isPartial(plan, call),
    files: plan.files,
    splits: plan.splits,
    counts: plan.counts,
    ledger,
  };
  try {
    const text = `${JSON.stringify(account, null, 1)}\n`;
    await writeFileAtomically(join(outFolder, ANNOTATIONS_FILE), text);
    await rm(join(outFolder, UNFINISHED_FOLDER), { recursive: true, force: true });
  } catch (error) {
    throw explainedWriteError(error, outFolder);
  }
}
