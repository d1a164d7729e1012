/**
 * One weight's names in two places. `#` stands for a number and a `*` at the end for the rest of the name; the same marks
 * stand on both sides, and `#+1` for a number that is one more than on the other.
 */
export interface NameRule {
  readonly ours: string;
  /** More than one: their tensors joined along the first axis are our weight, all of one size. */
  readonly theirs: readonly string[];
}

/** How a published implementation names, in its files, the weights that a model here has. */
export interface NameLayout {
  readonly name: string;
  /** Whose files: a program with its classes, in a few words. */
  readonly origin: string;
  /** Whether it names a picture encoder alone, whose weights a system keeps under a prefix; not when left out. */
  readonly isPictureEncoder?: boolean;
  readonly rules: readonly NameRule[];
  /** What such a file's name stands for: without wrappers, in today's spelling, as the rules have it. */
  readonly present: (fileName: string) => string;
  /** Tensors that follow from others or from the configuration (indices, masks, copies of tied weights), as `present`. */
  readonly derived: RegExp;
  /** A table of which a model here may have none, when the first row is what all its inputs are given. */
  readonly sharedRow?: SharedRow;
}

/** The first row of `table` may be added to every row of `into` instead (our names): inputs then see the same sum. */
interface SharedRow {
  readonly table: string;
  readonly into: string;
  /** How many rows the table has in their models. */
  readonly rows: number;
}

/** A part of one of our weights: `index` of `count` equal parts along the first axis. */
export interface NamedPart {
  readonly ours: string;
  readonly index: number;
  readonly count: number;
}

/** The weight of ours that a tensor (by its present name) is or is a part of; undefined when it is of none. */
export function partOf(layout: NameLayout, present: string): NamedPart | undefined {
  for (const { ours, theirs } of layout.rules) {
    for (const [index, template] of theirs.entries()) {
      const marks = match(template, present);
      if (marks !== undefined) return { ours: fill(ours, marks), index, count: theirs.length };
    }
  }
  return undefined;
}

/** The names in their files of the parts of our weight; undefined when the layout has no such weight. */
export function theirNames(layout: NameLayout, ours: string): readonly string[] | undefined {
  for (const rule of layout.rules) {
    const marks = match(rule.ours, ours);
    if (marks !== undefined) return rule.theirs.map((template) => fill(template, marks));
  }
  return undefined;
}

const MARKS = /#\+1|#|\*$/g;

/** What the marks of a template stand for in a name, as our side would have it; undefined when it does not match. */
function match(template: string, name: string): string[] | undefined {
  const pattern = template
    .replaceAll(".", String.raw`\.`)
    .replace(/\*$/, "(.+)")
    .replaceAll(/#(?:\+1)?/g, String.raw`(\d+)`);
  const found = new RegExp(`^${pattern}$`).exec(name)?.slice(1);
  const marks = template.match(MARKS) ?? [];
  const values = found?.map((value, place) =>
    marks[place] === "#+1" ? String(Number(value) - 1) : value,
  );
  return values?.some((value) => value === "-1") === true ? undefined : values;
}

function fill(template: string, values: readonly string[]): string {
  let place = 0;
  return template.replaceAll(MARKS, (mark) => {
    const value = values[place] ?? "";
    place += 1;
    return mark === "#+1" ? String(Number(value) + 1) : value;
  });
}

/** `name` without the first of `prefixes` that it begins with. */
export function without(prefixes: readonly string[], name: string): string {
  const prefix = prefixes.find((candidate) => name.startsWith(candidate));
  return prefix === undefined ? name : name.slice(prefix.length);
}
