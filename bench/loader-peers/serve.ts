import { createInterface } from "node:readline";

/** What our contestants say of a batch. */
export interface Delivery {
  readonly numPictures: number;
  readonly numPairs: number;
  /** The mean, 0 to 255, of one value of each page. */
  readonly level: number;
  /** Type and shape of the pixels. */
  readonly batch: string;
}

interface Requests {
  readonly open?: number;
  readonly window?: WindowRequest;
}

interface WindowRequest {
  readonly warmUp: number;
  readonly seconds: number;
  readonly turn: number;
}

const PAGE_BYTES = 4096;

/** Touches one value of each page, as the first use of a batch does; gives their mean. */
export function touch(pixels: Uint8Array): number {
  let sum = 0;
  for (let place = 0; place < pixels.length; place += PAGE_BYTES) sum += pixels[place] ?? 0;
  return sum / Math.ceil(pixels.length / PAGE_BYTES);
}

/** Answers the requests that peer.py describes, by a loader that is made anew for each number of workers. */
export async function serve(
  open: (numWorkers: number) => AsyncGenerator<Delivery>,
  versions: Readonly<Record<string, string>>,
): Promise<void> {
  let batches: AsyncGenerator<Delivery> | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    const request: Requests = JSON.parse(line);
    if (request.open !== undefined) {
      await batches?.return(undefined);
      batches = open(request.open);
      say({ versions });
    }
    if (request.window !== undefined && batches !== undefined) {
      say(await measure(batches, request.window));
    }
  }
  await batches?.return(undefined);
}

async function measure(
  batches: AsyncGenerator<Delivery>,
  { warmUp, seconds, turn }: WindowRequest,
): Promise<object> {
  for (let batch = 0; batch < warmUp; batch += 1) await batches.next();
  say({ begun: true });
  const taken: Delivery[] = [];
  const startMs = performance.now();
  let elapsed = 0;
  while (elapsed <= seconds || taken.length % turn > 0) {
    const { value } = await batches.next();
    if (value !== undefined) taken.push(value);
    elapsed = (performance.now() - startMs) / 1000;
  }
  const total = (name: "numPictures" | "numPairs" | "level"): number =>
    taken.reduce((sum, delivery) => sum + delivery[name], 0);
  return {
    numPictures: total("numPictures"),
    numPairs: total("numPairs"),
    seconds: elapsed,
    meanLevel: total("level") / taken.length,
    batch: taken[0]?.batch,
  };
}

function say(answer: object): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
