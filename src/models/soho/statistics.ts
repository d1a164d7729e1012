import * as tf from "@tensorflow/tfjs-core";
import { restartIdleCodes } from "../dictionary/restart.ts";
import { updatedDictionary } from "../dictionary/update.ts";
import { matrix, vector } from "../ranks.ts";
import { followStatistics } from "../resnet/batch-norm.ts";
import { weight, type Weights, type WeightSpec } from "../weights.ts";
import { dictionaryOf, sohoBuffers, sohoNames, type SohoConfig } from "./config.ts";
import { codeStatisticNames } from "./visual-tokens.ts";

// R running statistics

/** How many ranks have told each running statistic, [R]. */
const RANKS_TOLD = "ranks_told";

/** What a step sums over the ranks: running statistics, how many ranks tell them, counts and sums of the codes. */
export function statisticSpecs(config: SohoConfig): WeightSpec[] {
  const running = runningStatistics(config);
  const { codes, dimension, restartAfterSteps } = dictionaryOf(config);
  return [
    ...running,
    zeros(RANKS_TOLD, [running.length]),
    zeros(codeStatisticNames.counts, [codes]),
    zeros(codeStatisticNames.sums, [codes, dimension]),
    ...(restartAfterSteps > 0 ? [zeros(codeStatisticNames.offered, [codes, dimension])] : []),
  ];
}

/** All of a step's statistics from those that it has collected: what is frozen tells none, and counts as not told. */
export function stepStatistics(
  config: SohoConfig,
  collected: ReadonlyMap<string, tf.Tensor>,
): Weights {
  const told = runningStatistics(config).map(({ name }) => Number(collected.has(name)));
  const named = statisticSpecs(config).map(
    ({ name, shape }) => [name, collected.get(name) ?? tf.zeros([...shape])] as const,
  );
  return { ...Object.fromEntries(named), [RANKS_TOLD]: tf.tensor1d(told) };
}

/**
 * The buffers after a step, from the sum of all ranks' statistics. Running statistics follow the mean of the ranks that
 * tell them, and stay as they are, bit for bit, where none does.
 */
export function nextSohoBuffers(
  buffers: Weights,
  config: SohoConfig,
  statistics: Weights,
): Weights {
  const told = tf.unstack(weight(statistics, RANKS_TOLD));
  const running = runningStatistics(config).map(({ name }, place) => {
    const old = weight(buffers, name);
    const numRanks = told[place] ?? tf.scalar(0);
    const mean = tf.div(weight(statistics, name), tf.maximum(numRanks, 1));
    const step = tf.mul(tf.sub(followStatistics(old, mean), old), tf.minimum(numRanks, 1));
    return [name, tf.add(old, step)] as const;
  });
  return { ...Object.fromEntries(running), ...nextDictionary(buffers, config, statistics) };
}

function nextDictionary(buffers: Weights, config: SohoConfig, statistics: Weights): Weights {
  const prefix = sohoNames.dictionary;
  const dictionary = dictionaryOf(config);
  const updated = updatedDictionary(buffers, dictionary, {
    prefix,
    statistics: {
      counts: vector(weight(statistics, codeStatisticNames.counts)),
      sums: matrix(weight(statistics, codeStatisticNames.sums)),
    },
  });
  if (dictionary.restartAfterSteps === 0) return updated;
  const offered = matrix(weight(statistics, codeStatisticNames.offered));
  return restartIdleCodes(updated, dictionary, { offered, prefix });
}

function runningStatistics(config: SohoConfig): WeightSpec[] {
  return sohoBuffers(config).filter(({ name }) => !name.startsWith(sohoNames.dictionary));
}

function zeros(name: string, shape: readonly number[]): WeightSpec {
  return { name, shape, initialisation: "zeros" };
}
