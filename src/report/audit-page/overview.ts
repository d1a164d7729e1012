import { escapeControls } from "../../core/text.ts";
import { html, type Markup } from "../markup.ts";
import { formatCount } from "../numbers.ts";
import { splitTable } from "../split-table.ts";
import type {
  AuditPage,
  PageMatrix,
  PageMethod,
  PageTaxonomyRow,
  PageTexts,
  PageYield,
} from "./audit-page.ts";

const outcomeWords = {
  clean: "No leak found",
  leaking: "Leaks found",
  unchecked: "Nothing checked",
} as const;

/** The verdict in a sentence and the numbers a reader looks for first. */
export function pageHeader(page: AuditPage): Markup {
  const { outcome, totals } = page;
  return html`
    <header>
      <p class="brand">Crossweave leak audit</p>
      <h1>${outcomeWords[outcome]}</h1>
      <p class=${`verdict-line ${outcome}`}>${escapeControls(capitalized(page.summary))}.</p>
      <p class="note">audit <code>${page.digest}</code></p>
    </header>
    <section class="cards" aria-label="The audit at a glance">
      ${countCard("Leaking pairs", totals.leaks, "pictures that are trained on and evaluated on")}
      ${countCard("To leave out", totals.exclusions, "training pictures")}
      ${countCard("Suspects", totals.suspects, "pairs that only look alike so far: for a person")}
      ${countCard("Leaking texts", totals.texts, "training texts of evaluation pictures")}
      ${totals.allowed > 0 && countCard("Allowed", totals.allowed, "pairs by a person's decision")}
    </section>
  `;
}

function countCard(title: string, count: number, detail: string): Markup {
  return html`
    <article class="card">
      <h2>${title}</h2>
      <p class="big"><data value=${count}>${formatCount(count)}</data></p>
      <p class="detail">${detail}</p>
    </article>
  `;
}

/** What was compared with what, how, and what each rule found. */
export function comparisonSections(page: AuditPage): Markup {
  return html`
    <section id="compared">
      <h2>What was compared</h2>
      ${comparedSplits(page)} ${methodList(page.methods)}
      ${page.notes.map((note) => html`<p class="note">Note: ${escapeControls(note)}.</p>`)}
    </section>
    <section id="rules">
      <h2>What each rule found</h2>
      ${yieldTable(page.yields)}
    </section>
    ${
      (page.matrix !== null || page.taxonomy.length > 0) &&
      html`<section id="kinds">
        <h2>Where the leaks are, and of what kind</h2>
        ${page.matrix !== null && matrixTable(page.matrix)}
        ${page.taxonomy.length > 0 && taxonomyTable(page.taxonomy)}
      </section>`
    }
    ${page.texts !== null && textSection(page.texts)}
  `;
}

function textSection({ columns, rows, yields }: PageTexts): Markup {
  return html`
    <section id="texts">
      <h2>Texts that are trained on and evaluated on</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>rule</th>
              <th class="number">training texts</th>
              <th class="number">with the same label</th>
            </tr>
          </thead>
          <tbody>
            ${yields.map(
              ({ rule, sameLabel, texts }) =>
                html`<tr>
                  <th scope="row">${rule}</th>
                  ${numberCell(texts)} ${numberCell(sameLabel)}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      ${rows.length > 0 && textMatrix(columns, rows)}
    </section>
  `;
}

function textMatrix(columns: readonly string[], rows: PageTexts["rows"]): Markup {
  return html`
    <div class="scroll">
      <table>
        <caption>
          Evaluation texts by where they are trained on
        </caption>
        <thead>
          <tr>
            <th>texts of</th>
            <th>that are trained on in</th>
            ${columns.map((column) => html`<th class="number" scope="col">${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ cells, eval: evaluated, train }) =>
              html`<tr>
                <th scope="row">${escapeControls(evaluated)}</th>
                <td>${escapeControls(train)}</td>
                ${cells.map(numberCell)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

function comparedSplits({ training, against, through }: AuditPage): Markup {
  return splitTable([
    ...training.map((split) => ({ ...split, role: "training" })),
    ...against.map((split) => ({ ...split, role: "evaluation" })),
    ...through.map((split) => ({ ...split, leaked: 0, role: "neither side" })),
  ]);
}

function methodList(methods: readonly PageMethod[]): Markup {
  return html`<dl class="pairs methods">
    ${methods.map(
      ({ name, detail }) =>
        html`<div>
          <dt>${escapeControls(name)}</dt>
          <dd>${escapeControls(detail)}</dd>
        </div>`,
    )}
  </dl>`;
}

function yieldTable(yields: readonly PageYield[]): Markup {
  return html`
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>rule</th>
            <th class="number">pairs</th>
            <th class="number">leaking pictures it adds</th>
            <th class="number">pairs with hashes</th>
            <th class="number">contradicted by them</th>
            <th class="number">known of training</th>
            <th class="number">known of evaluation</th>
          </tr>
        </thead>
        <tbody>
          ${yields.map(yieldRow)}
        </tbody>
      </table>
    </div>
  `;
}

function yieldRow(found: PageYield): Markup {
  const { rule, pairs, added, compared, contradicted, comparable } = found;
  return html`
    <tr>
      <th scope="row">${rule}</th>
      ${numberCell(pairs)} ${numberCell(added)} ${numberCell(compared)} ${numberCell(contradicted)}
      ${numberCell(comparable.train)} ${numberCell(comparable.eval)}
    </tr>
  `;
}

function matrixTable({ columns, rows, unit }: PageMatrix): Markup {
  return html`
    <div class="scroll">
      <table>
        <caption>
          From training splits into evaluation splits: ${unit}
        </caption>
        <thead>
          <tr>
            <th>training</th>
            ${columns.map(
              (column) => html`<th class="number" scope="col">${escapeControls(column)}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ name, cells }) =>
              html`<tr>
                <th scope="row">${escapeControls(name)}</th>
                ${cells.map(numberCell)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

function taxonomyTable(rows: readonly PageTaxonomyRow[]): Markup {
  return html`
    <div class="scroll">
      <table>
        <caption>
          Kinds of leaks: modality, coverage, degree
        </caption>
        <thead>
          <tr>
            <th>what leaks</th>
            <th>between what</th>
            <th>how alike</th>
            <th class="number">training pictures</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ modality, coverage, degree, pictures }) =>
              html`<tr>
                <th scope="row">${modality}</th>
                <td>${coverage}</td>
                <td>${degree}</td>
                ${numberCell(pictures)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  `;
}

function numberCell(count: number): Markup {
  return html`<td class=${count === 0 ? "number zero" : "number"}>
    <data value=${count}>${formatCount(count)}</data>
  </td>`;
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
