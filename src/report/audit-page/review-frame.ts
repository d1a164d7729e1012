import { escapeControls } from "../../core/text.ts";
import { html, type Markup } from "../markup.ts";
import { formatCount } from "../numbers.ts";
import type { AuditPage, PageList, PagePair } from "./audit-page.ts";
import { PICTURES_PER_BLOCK } from "./page-limits.ts";

/** The place where the page's script shows the pairs, and what steers it; says so where scripts do not run. */
export function reviewSection(page: AuditPage): Markup {
  if (page.pairs.length === 0) {
    return html`<section id="pairs">
      <h2>Pairs</h2>
      <p class="note">There is no pair to look at.</p>
    </section>`;
  }
  return html`
    <noscript>
      <p class="verdict-line unchecked">The pairs below need the page's own script to be shown.</p>
    </noscript>
    <section id="review" hidden aria-labelledby="review-title">
      <h2 id="review-title">Pairs</h2>
      <p class="note">${listedNote(page)}</p>
      <div class="toolbar" role="toolbar" aria-label="Filter and review">
        ${filters(page.pairs)}
        <div class="tools">
          ${tool("previous-page", "‹", "Previous page ([)")}
          <span id="page-number"></span>
          ${tool("next-page", "›", "Next page (])")} ${tool("undo", "Undo (u)")}
          ${tool("save", "Save the list (s)")} ${tool("choose-list", "Open a list")}
          ${tool("show-help", "Keys (?)")}
          <input id="open-list" type="file" accept=".json" hidden aria-label="A saved list" />
        </div>
        <p class="said">
          <span id="counts"></span><span id="status" role="status" aria-live="polite"></span>
        </p>
      </div>
      <div id="cards" data-pictures-per-block=${PICTURES_PER_BLOCK}></div>
    </section>
    ${helpDialog}
  `;
}

function listedNote({ totals, pairs }: AuditPage): string {
  const listed = (list: PageList): number => pairs.filter((pair) => pair.list === list).length;
  const parts = [
    part(["leak", "leaks"], listed("leak"), totals.leaks),
    part(["suspect", "suspects"], listed("suspect"), totals.suspects),
    part(["allowed pair", "allowed pairs"], listed("allowed"), totals.allowed),
    part(["text leak", "text leaks"], listed("text"), totals.texts),
    part(["pair of texts alike", "pairs of texts alike"], listed("alike"), listed("alike")),
  ].flat();
  const isCut =
    pairs.length - listed("alike") < totals.leaks + totals.suspects + totals.allowed + totals.texts;
  const rest = isCut
    ? " The counts are exact; pictures that are many times the same are listed a few times only, and the audit's exclusion manifest names every training picture to leave out."
    : "";
  return `Listed: ${parts.join(", ")}.${rest} Pairs of the same two pictures share one decision.`;
}

function part([one, many]: readonly [string, string], listed: number, total: number): string[] {
  if (total === 0 && listed === 0) return [];
  const words = total === 1 ? one : many;
  return [
    listed === total
      ? `${formatCount(total)} ${words}`
      : `${formatCount(listed)} of ${formatCount(total)} ${words}`,
  ];
}

const listWords: readonly (readonly [PageList, string])[] = [
  ["leak", "leaks"],
  ["suspect", "suspects"],
  ["allowed", "allowed pairs"],
  ["text", "text leaks"],
  ["alike", "texts alike"],
];

function filters(pairs: readonly PagePair[]): Markup {
  const lists = new Set(pairs.map(({ list }) => list));
  const rules = pairs.flatMap(({ rule, alsoBy }) => [rule, ...alsoBy]);
  return html`<div class="filters">
    ${filter("list", "List", [["", "all lists"], ...listWords.filter(([list]) => lists.has(list))])}
    ${filter("rule", "Rule", [["", "all rules"], ...named(rules)])}
    ${filter("training", "Training split", [
      ["", "all"],
      ...named(pairs.map(({ train }) => `${train.set}/${train.split}`)),
    ])}
    ${filter("evaluation", "Evaluation split", [
      ["", "all"],
      ...named(pairs.map((pair) => `${pair.eval.set}/${pair.eval.split}`)),
    ])}
    ${filter("decided", "Decision", [
      ["", "all"],
      ["open", "not decided"],
      ["deny", "denied"],
      ["allow", "allowed"],
    ])}
  </div>`;
}

/** Each name once, in order. */
function named(names: readonly string[]): readonly (readonly [string, string])[] {
  return [...new Set(names)].toSorted().map((name) => [name, escapeControls(name)] as const);
}

function filter(
  name: string,
  label: string,
  choices: readonly (readonly [string, string])[],
): Markup {
  return html`<label>
    <span>${label}</span>
    <select name=${name} autocomplete="off">
      ${choices.map(([value, words]) => html`<option value=${value}>${words}</option>`)}
    </select>
  </label>`;
}

function tool(id: string, words: string, name?: string): Markup {
  return html`<button type="button" id=${id} title=${name} aria-label=${name}>${words}</button>`;
}

const keys = [
  ["j ↓", "next pair"],
  ["k ↑", "previous pair"],
  ["[ ]", "previous, next page"],
  ["a", "accept: it is a leak, deny the pair"],
  ["r", "reject: it is not the same picture, allow the pair"],
  ["n", "write a note on the pair; Enter ends it"],
  ["u", "undo the last decision"],
  ["s", "save the allow/deny list as a file"],
  ["?", "these keys"],
] as const;

const helpDialog: Markup = html`
  <dialog id="help" aria-labelledby="help-title">
    <h2 id="help-title">Keys</h2>
    <dl class="keys">
      ${keys.map(
        ([key, words]) =>
          html`<div>
            <dt>${key.split(" ").map((each) => html`<kbd>${each}</kbd>`)}</dt>
            <dd>${words}</dd>
          </div>`,
      )}
    </dl>
    <p class="note">
      The saved list goes into the next run: crossweave audit … --decisions FILE. A pair with the
      same key, bytes or pixels on both sides is a fact: it cannot be allowed.
    </p>
    <form method="dialog"><button>Close</button></form>
  </dialog>
`;
