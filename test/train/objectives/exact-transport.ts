/** A transport problem in double precision: costs [m][n], and what each row holds and each column takes; both add up alike. */
export interface ExactProblem {
  readonly costs: readonly (readonly number[])[];
  readonly supplies: readonly number[];
  readonly demands: readonly number[];
}

/** What is smaller has been moved. */
const NOTHING = 1e-15;

/** The least cost of moving all supplies, by successive shortest paths (Ford and Fulkerson) with node potentials. */
export function leastCost({ costs, demands, supplies }: ExactProblem): number {
  const [numRows, numColumns] = [supplies.length, demands.length];
  const state: FlowState = {
    costs,
    supplies: [...supplies],
    demands: [...demands],
    flows: supplies.map(() => demands.map(() => 0)),
    potentials: Array.from({ length: numRows + numColumns }, () => 0),
  };
  while (Math.max(...state.supplies) > NOTHING && Math.max(...state.demands) > NOTHING) {
    augment(state, shortestPaths(state));
  }
  return sumOver(numRows, (row) =>
    sumOver(
      numColumns,
      (column) => valueAt(costs, row, column) * valueAt(state.flows, row, column),
    ),
  );
}

interface FlowState {
  readonly costs: readonly (readonly number[])[];
  readonly supplies: number[];
  readonly demands: number[];
  readonly flows: number[][];
  /** Of rows, then of columns. */
  readonly potentials: number[];
}

interface Paths {
  readonly distances: readonly number[];
  /** The node before, or -1. */
  readonly previous: readonly number[];
}

/** Dijkstra over rows (0 to m - 1) and columns (m on), from all rows with a supply. */
function shortestPaths(state: FlowState): Paths {
  const numRows = state.supplies.length;
  const numNodes = state.potentials.length;
  const distances = state.potentials.map((_, node) =>
    (state.supplies[node] ?? 0) > NOTHING ? 0 : Infinity,
  );
  const previous = distances.map(() => -1);
  const open = new Set(distances.keys());
  while (open.size > 0) {
    const node = [...open].reduce((a, b) => (at(distances, b) < at(distances, a) ? b : a));
    open.delete(node);
    if (at(distances, node) === Infinity) break;
    for (
      let other = node < numRows ? numRows : 0;
      other < (node < numRows ? numNodes : numRows);
      other += 1
    ) {
      const reached = at(distances, node) + reducedCost(state, node, other);
      if (!open.has(other) || reached >= at(distances, other)) continue;
      distances[other] = reached;
      previous[other] = node;
    }
  }
  return { distances, previous };
}

function reducedCost(state: FlowState, from: number, to: number): number {
  const numRows = state.supplies.length;
  const gap = at(state.potentials, from) - at(state.potentials, to);
  if (from < numRows) return Math.max(0, valueAt(state.costs, from, to - numRows) + gap);
  const isUsed = valueAt(state.flows, to, from - numRows) > NOTHING;
  return isUsed ? Math.max(0, gap - valueAt(state.costs, to, from - numRows)) : Infinity;
}

/** Moves as much as fits along the shortest path to a column that still takes something. */
function augment(state: FlowState, { distances, previous }: Paths): void {
  const numRows = state.supplies.length;
  const ends = [...state.demands.keys()].filter((column) => at(state.demands, column) > NOTHING);
  const end = ends.reduce((a, b) =>
    at(distances, numRows + b) < at(distances, numRows + a) ? b : a,
  );
  const path = [numRows + end];
  while (at(previous, path[0] ?? 0) >= 0) path.unshift(at(previous, path[0] ?? 0));
  const arcs = path.slice(1).map((to, place) => ({ from: path[place] ?? 0, to }));
  const backwards = arcs.filter(({ from }) => from >= numRows);
  const start = path[0] ?? 0;
  const amount = Math.min(
    at(state.supplies, start),
    at(state.demands, end),
    ...backwards.map(({ from, to }) => valueAt(state.flows, to, from - numRows)),
  );
  for (const { from, to } of arcs) {
    const [row, column] = from < numRows ? [from, to - numRows] : [to, from - numRows];
    const flow = state.flows[row];
    if (flow) flow[column] = (flow[column] ?? 0) + (from < numRows ? amount : -amount);
  }
  state.supplies[start] = at(state.supplies, start) - amount;
  state.demands[end] = at(state.demands, end) - amount;
  const farthest = at(distances, numRows + end);
  for (const [node, distance] of distances.entries()) {
    state.potentials[node] = at(state.potentials, node) + Math.min(distance, farthest);
  }
}

function sumOver(count: number, value: (index: number) => number): number {
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += value(index);
  return sum;
}

function at(values: readonly number[], index: number): number {
  return values[index] ?? Number.NaN;
}

function valueAt(rows: readonly (readonly number[])[], row: number, column: number): number {
  return rows[row]?.[column] ?? Number.NaN;
}
