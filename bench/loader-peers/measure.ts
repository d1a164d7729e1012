import { Contestant, type Delivered, type Place, type Plan } from "./contestant.ts";
import { warm } from "./photographs.ts";
import type { Row } from "./rows.ts";

const SHORTEST_CHOICE_SECONDS = 1.5;

export interface Windows {
  readonly seconds: number;
  readonly rounds: number;
}

/** What a contestant delivered, a window a round. */
export interface Result {
  readonly plan: Plan;
  readonly numWorkers: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly windows: readonly Delivered[];
}

interface Chosen {
  readonly plan: Plan;
  readonly numWorkers: number;
}

/** Finds each contestant's best number of workers, then measures all in turns, so that slow times meet all alike. */
export async function measureRow(row: Row, place: Place, windows: Windows): Promise<Result[]> {
  const chosen: Chosen[] = [];
  await warm(place.data);
  for (const plan of row.contestants) {
    chosen.push({ plan, numWorkers: await bestWorkers(plan, place, windows) });
  }
  await using running = new AsyncDisposableStack();
  const contestants = [];
  for (const { numWorkers, plan } of chosen) {
    const contestant = running.use(new Contestant(plan, place));
    const versions = await contestant.open(numWorkers);
    await contestant.window(0); // fills its queues, so that it rests while others run
    await contestant.rest();
    const delivered: Delivered[] = [];
    contestants.push({ contestant, result: { plan, numWorkers, versions, windows: delivered } });
  }
  for (let round = 1; round <= windows.rounds; round += 1) {
    await warm(place.data);
    progress(`${row.key}: round ${round} of ${windows.rounds}`);
    for (const { contestant, result } of contestants) {
      result.windows.push(await contestant.window(windows.seconds));
      await contestant.rest();
    }
  }
  return contestants.map(({ result }) => result);
}

async function bestWorkers(plan: Plan, place: Place, { seconds }: Windows): Promise<number> {
  const choiceSeconds = Math.max(SHORTEST_CHOICE_SECONDS, seconds / 3);
  const [only = 0, ...others] = plan.workers;
  if (others.length === 0) return only;
  await using contestant = new Contestant(plan, place);
  const rates: { readonly numWorkers: number; readonly rate: number }[] = [];
  for (const numWorkers of plan.workers) {
    await contestant.open(numWorkers);
    const window = await contestant.window(choiceSeconds);
    rates.push({ numWorkers, rate: window.numPictures / window.seconds });
  }
  const told = rates.map(({ numWorkers, rate }) => `${numWorkers}: ${rate.toFixed(0)}`).join(", ");
  progress(`${plan.name}: pictures/s by workers ${told}`);
  const best = Math.max(...rates.map(({ rate }) => rate));
  return rates.find(({ rate }) => rate === best)?.numWorkers ?? only;
}

function progress(text: string): void {
  process.stderr.write(`  ${text}\n`);
}
