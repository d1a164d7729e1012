// A thread of a search: runs the loops it is told to, over memory that all threads share.
import { strict as assert } from "node:assert";
import { parentPort, workerData } from "node:worker_threads";

import { type InnerLoop, innerLoops } from "../perceptual/inner-loops.ts";
import { controlWords, cursorWords, FOUND_CAPACITY, PAIR_WORDS } from "./search-memory.ts";
import type { CompareTask, SearchReply, SearchRequest, SearchStart } from "./search-threads.ts";

assert(parentPort !== null, "search-worker runs as a worker thread");
const port = parentPort;
const { memory }: SearchStart = workerData;
const loop = innerLoops("hamming", memory);
const compareBlock = loop("compareBlock");
const words = new Uint32Array(memory.buffer);

port.on("message", (request: SearchRequest) => {
  if (request.kind === "stop") port.close();
  else if (request.kind === "loop") answer({ value: run(request.loop, request.operands) });
  else answer({ pairs: compare(request.task) });
});

const known = new Map<string, InnerLoop>();

function run(name: string, operands: readonly number[]): number {
  const found = known.get(name) ?? loop(name);
  known.set(name, found);
  return found(...operands);
}

/** Takes tasks until there are none: every task is the blocks of some keys. */
function compare(task: CompareTask): Uint32Array<ArrayBuffer> {
  const { control, cursor, found, join, numTasks, tasksKeys, blockKeys, maxPairs } = task;
  const chunks: Uint32Array[] = [];
  words.fill(0, cursor / 4, cursor / 4 + cursorWords.numFound + 1);
  words[cursor / 4 + cursorWords.found] = found;
  words[cursor / 4 + cursorWords.capacity] = FOUND_CAPACITY;
  const takePairs = (): void => {
    const numFound = words[cursor / 4 + cursorWords.numFound] ?? 0;
    chunks.push(words.slice(found / 4, found / 4 + numFound * PAIR_WORDS));
    words[cursor / 4 + cursorWords.numFound] = 0;
    const before = Atomics.add(words, control / 4 + controlWords.numPairs, numFound);
    if (before + numFound > maxPairs) Atomics.store(words, control / 4 + controlWords.stop, 1);
  };
  const isStopped = (): boolean => Atomics.load(words, control / 4 + controlWords.stop) !== 0;
  for (;;) {
    const taskIndex = Atomics.add(words, control / 4 + controlWords.nextTask, 1);
    if (taskIndex >= numTasks || isStopped()) break;
    for (let key = taskIndex * tasksKeys; key < (taskIndex + 1) * tasksKeys; key += blockKeys) {
      words[cursor / 4 + cursorWords.firstKey] = key;
      while (compareBlock(join, cursor) === 0 && !isStopped()) takePairs();
    }
  }
  takePairs();
  return joined(chunks);
}

function joined(chunks: readonly Uint32Array[]): Uint32Array<ArrayBuffer> {
  const all = new Uint32Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function answer(reply: SearchReply): void {
  port.postMessage(reply, reply.pairs === undefined ? [] : [reply.pairs.buffer]);
}
