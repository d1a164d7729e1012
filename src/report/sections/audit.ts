import { html, type Markup } from "../markup.ts";
import { formatCount } from "../numbers.ts";
import { splitTable } from "../split-table.ts";
import type { ReportAudit, ReportLeak, ReportPlace } from "../run-report.ts";

const MAX_LISTED_LEAKS = 100;

/** What was compared with what, and what was found. */
export function auditSection(audits: readonly ReportAudit[]): Markup {
  if (audits.length === 0) {
    return html`<section id="audit">
      <h2>Leak audit</h2>
      <p class="verdict-line unchecked">No audit was made: nothing is known of leaks.</p>
    </section>`;
  }
  return html`<section id="audit">
    <h2>Leak audit</h2>
    ${audits.map(auditStage)}
  </section>`;
}

const outcomeWords = { clean: "clean", leaking: "leaking", unchecked: "unchecked" } as const;

function auditStage({ stage, summary, verdict, planted }: ReportAudit): Markup {
  const { checked, outcome, leaks, yields } = verdict;
  return html`
    <article class="stage">
      <h3>
        ${capitalized(stage)} <span class=${`badge ${outcome}`}>${outcomeWords[outcome]}</span>
      </h3>
      <p class=${`verdict-line ${outcome}`}>${capitalized(summary)}.</p>
      ${planted !== null && plantedLine(planted)}
      ${splitTable([
        ...checked.training.map((split) => ({ ...split, role: "training" })),
        ...checked.against.map((split) => ({ ...split, role: "evaluation" })),
      ])}
      <p class="note">
        Pairs by rule:
        ${" "}${yields.map(({ rule, pairs }) => `${rule} ${formatCount(pairs)}`).join(", ")}. Audit
        <code> ${verdict.digest}</code>
      </p>
      ${leaks.length > 0 && leakTable(leaks, verdict.exclusions.length)}
    </article>
  `;
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function plantedLine({ numPlanted, numFound }: NonNullable<ReportAudit["planted"]>): Markup {
  return html`<p class="note">
    <data value=${numPlanted}>${formatCount(numPlanted)}</data> leaks were planted on purpose;
    <data value=${numFound}> ${formatCount(numFound)}</data> of them were found.
  </p>`;
}

function leakTable(leaks: readonly ReportLeak[], numExcluded: number): Markup {
  const listed = leaks.slice(0, MAX_LISTED_LEAKS);
  return html`
    <details open=${leaks.length <= 12}>
      <summary>${leakSummary(leaks.length, numExcluded)}</summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>rule</th>
              <th>training picture</th>
              <th>evaluation picture</th>
              <th>evidence</th>
            </tr>
          </thead>
          <tbody>
            ${listed.map(leakRow)}
          </tbody>
        </table>
      </div>
      ${
        listed.length < leaks.length &&
        html`<p class="note">
          ${formatCount(leaks.length - listed.length)} more pairs are in the audit's own document.
        </p>`
      }
    </details>
  `;
}

function leakSummary(numLeaks: number, numExcluded: number): string {
  const pairs = `${formatCount(numLeaks)} leaking ${numLeaks === 1 ? "pair" : "pairs"} listed`;
  const pictures = numExcluded === 1 ? "training picture has" : "training pictures have";
  return `${pairs}; ${formatCount(numExcluded)} ${pictures} to go`;
}

function leakRow({ rule, train, eval: evaluation, evidence }: ReportLeak): Markup {
  return html`
    <tr>
      <td>${rule}</td>
      <td>${placeCell(train)}</td>
      <td>${placeCell(evaluation)}</td>
      <td class="evidence">${evidence}</td>
    </tr>
  `;
}

function placeCell({ picture, set, split }: ReportPlace): Markup {
  return html`${picture}<br /><span class="detail">${set}/${split}</span>`;
}
