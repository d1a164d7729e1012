import { z } from "zod";
import type { LedgerEntry } from "../../core/records.ts";
import type { PreparationPlan } from "../../ingest/preparation-plan.ts";
import { readLedger } from "../../shards/ledger.ts";
import { exclusionNotesSchema } from "./exclusions.ts";
import { isPartial, type PrepareCall, type PreparedSet } from "./prepare-set.ts";
import type { PreparedSummary, ReasonCount } from "./prepare-text.ts";
import { shellWord } from "../terminal/shell-word.ts";

const preparedRecipe = z.object({
  release: z.string(),
  exclusions: exclusionNotesSchema.optional().catch(undefined),
});

/** What is to be told of a finished set. */
export async function summaryOfSet(
  call: PrepareCall,
  { index, wasComplete }: PreparedSet,
): Promise<PreparedSummary> {
  const { outFolder } = call;
  const { release, exclusions } = preparedRecipe.parse(index.recipe);
  return {
    recipe: index.name,
    folder: outFolder,
    status: wasComplete ? "complete" : "prepared",
    digest: index.digest,
    release,
    exclusions: exclusions ?? null,
    partial: index.partial,
    splits: index.splits.map(({ name, role, numScenes, numPictures, numTexts }) => {
      return { name, role, scenes: numScenes, pictures: numPictures, texts: numTexts };
    }),
    counts: index.counts,
    reasons: await countReasons(readLedger(outFolder)),
    next: `crossweave validate ${shellWord(outFolder)}`,
  };
}

/** What is to be told of a dry run, or of annotations that were accounted for without pictures. */
export async function summaryOfPlan(
  call: PrepareCall,
  plan: PreparationPlan,
  status: "planned" | "accounted" = "planned",
): Promise<PreparedSummary> {
  const { recipe, outFolder } = call;
  const roles = new Map(recipe.splits.map(({ name, role }) => [name, role]));
  return {
    recipe: recipe.name,
    folder: outFolder,
    status,
    digest: status === "planned" ? null : plan.digest,
    release: plan.release,
    exclusions: call.exclusionNotes ?? null,
    partial: isPartial(plan, call),
    splits: plan.splits.map(({ name, numScenes, numPictures, numTexts }) => {
      const role = roles.get(name) ?? "train";
      return { name, role, scenes: numScenes, pictures: numPictures, texts: numTexts };
    }),
    counts: plan.counts,
    reasons: await countReasons(plan.ledger()),
    next:
      status === "planned"
        ? "run the same command without --dry-run"
        : "run the same command without --annotations-only, into another folder",
  };
}

async function countReasons(ledger: AsyncIterable<LedgerEntry>): Promise<ReasonCount[]> {
  const counts = new Map<string, ReasonCount>();
  for await (const { kind, outcome, reason, file, record, evidence } of ledger) {
    const name = `${kind} ${outcome} ${reason}`;
    const known = counts.get(name);
    const first = known?.first ?? { file, record, evidence };
    counts.set(name, { kind, outcome, reason, records: (known?.records ?? 0) + 1, first });
  }
  return Array.from(counts.values());
}
