/** Items by groups: those of group g are `items` from `starts[g]` to `starts[g + 1]`, in the order in which they came. */
export interface GroupedItems {
  readonly starts: Uint32Array;
  readonly items: Uint32Array;
}

/** Sorts the numbers from 0 to `numItems` by their groups, of which there are `numGroups`, by counting. */
export function groupItems(
  numItems: number,
  numGroups: number,
  groupOf: (item: number) => number,
): GroupedItems {
  const starts = new Uint32Array(numGroups + 1);
  for (let item = 0; item < numItems; item += 1) {
    const next = groupOf(item) + 1;
    starts[next] = (starts[next] ?? 0) + 1;
  }
  for (let group = 1; group <= numGroups; group += 1) {
    starts[group] = (starts[group] ?? 0) + (starts[group - 1] ?? 0);
  }
  const places = starts.slice(0, numGroups);
  const items = new Uint32Array(numItems);
  for (let item = 0; item < numItems; item += 1) {
    const group = groupOf(item);
    const place = places[group] ?? 0;
    items[place] = item;
    places[group] = place + 1;
  }
  return { starts, items };
}
