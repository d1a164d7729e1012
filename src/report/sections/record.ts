import { html, type Markup } from "../markup.ts";
import { formatCount, formatPercent, formatSeconds, formatValue } from "../numbers.ts";
import type { LedgerRow, RecipeEntry, ReportLedger, RunFacts } from "../run-report.ts";

const outcomes = ["read", "written", "excluded", "quarantined", "missing"] as const;

/** What became of every record that was read. */
export function ledgerSection(ledgers: readonly ReportLedger[]): Markup {
  if (ledgers.length === 0) return [];
  return html`
    <section id="ledger">
      <h2>Records</h2>
      <p class="note">
        Of each kind of record: read = written + excluded + quarantined + missing (no picture).
      </p>
      ${ledgers.map(ledgerTable)}
    </section>
  `;
}

function ledgerTable({ set, counts }: ReportLedger): Markup {
  return html`
    <div class="scroll">
      <table>
        <caption>
          ${set}
        </caption>
        <thead>
          <tr>
            <th>file</th>
            <th>kind</th>
            ${outcomes.map((outcome) => html`<th class="number">${outcome}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${counts.map(ledgerRow)}
        </tbody>
      </table>
    </div>
  `;
}

function ledgerRow(row: LedgerRow): Markup {
  return html`
    <tr>
      <th>${row.file}</th>
      <td>${row.kind}</td>
      ${outcomes.map(
        (outcome) =>
          html`<td class=${row[outcome] === 0 ? "number zero" : "number"}>
            <data value=${row[outcome]}>${formatCount(row[outcome])}</data>
          </td>`,
      )}
    </tr>
  `;
}

/** All constants of the run. */
export function recipeSection(recipe: readonly RecipeEntry[]): Markup {
  if (recipe.length === 0) return [];
  return html`
    <section id="recipe">
      <h2>Recipe</h2>
      <dl class="pairs">${recipe.map(({ name, value }) => pairRow(name, String(value)))}</dl>
    </section>
  `;
}

/** How the run went and on what. */
export function factSection(facts: RunFacts): Markup {
  return html`
    <section id="facts">
      <h2>Run</h2>
      <dl class="pairs">
        ${pairRow("recipe", facts.recipe)} ${pairRow("seed", String(facts.seed))}
        ${pairRow("device", facts.device)} ${pairRow("steps", formatCount(facts.numSteps))}
        ${pairRow("parameters", formatCount(facts.numParameters))}
        ${pairRow("training time", formatSeconds(facts.seconds))}
        ${pairRow("pictures per second", formatValue(facts.picturesPerSecond))}
        ${pairRow("time spent waiting for data", formatPercent(facts.dataWaitShare))}
        ${facts.versions.map(({ name, version }) => pairRow(name, version))}
      </dl>
      ${
        facts.command !== null &&
        html`<p class="note">The same run again:</p>
          <pre><code>${facts.command}</code></pre>`
      }
    </section>
  `;
}

function pairRow(name: string, value: string): Markup {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}
