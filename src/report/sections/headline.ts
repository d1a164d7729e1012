import { html, type Markup } from "../markup.ts";
import { formatCount, formatPercent, formatSeconds, formatTimesChance } from "../numbers.ts";
import type { ReportAudit, RetrievalDirection, RunReport } from "../run-report.ts";

/** Title, description and the numbers a reader looks for first, each beside its chance level. */
export function headline(report: RunReport): Markup {
  const { facts } = report;
  return html`
    <header>
      <p class="brand">Crossweave run report</p>
      <h1>${report.title}</h1>
      <p class="lead">${report.description}</p>
      <ul class="chips">
        <li>${facts.recipe}</li>
        <li>seed ${facts.seed}</li>
        <li>${formatCount(facts.numSteps)} steps in ${formatSeconds(facts.seconds)}</li>
        <li>${facts.device}</li>
      </ul>
    </header>
    <section class="cards" aria-label="Results at a glance">
      ${retrievalCards(report)} ${report.accuracies.map(accuracyCard)}
      ${report.audits.slice(-1).map(auditCard)}
    </section>
  `;
}

function retrievalCards({ retrieval }: RunReport): Markup[] {
  return retrieval
    .slice(0, 1)
    .flatMap(({ name, textToPicture, pictureToText }) => [
      recallCard("Text to picture", textToPicture, name),
      recallCard("Picture to text", pictureToText, name),
    ]);
}

function recallCard(title: string, direction: RetrievalDirection, split: string): Markup {
  const first = direction.recalls[0];
  if (first === undefined) return [];
  return shareCard({
    title: `${title}, R@${first.k}`,
    value: first.recall,
    chance: first.chance,
    detail: `${split}; ${formatCount(direction.numCandidates)} candidates`,
  });
}

function accuracyCard(result: RunReport["accuracies"][number]): Markup {
  return shareCard({
    title: result.name,
    value: result.accuracy,
    chance: result.chance,
    detail: `${result.split}; ${formatCount(result.numExamples)} examples`,
  });
}

interface ShareCard {
  readonly title: string;
  readonly value: number;
  readonly chance: number;
  readonly detail: string;
}

function shareCard({ title, value, chance, detail }: ShareCard): Markup {
  return html`
    <article class="card">
      <h2>${title}</h2>
      <p class="big"><data value=${value}>${formatPercent(value)}</data></p>
      ${shareBar(value, chance)}
      <p class="chance">
        <b>${formatTimesChance(value, chance)}</b>
        ${" "}(<data value=${chance}>${formatPercent(chance)}</data>)
      </p>
      <p class="detail">${detail}</p>
    </article>
  `;
}

/** A bar from 0 to 1 with a mark where chance lies. */
function shareBar(value: number, chance: number): Markup {
  return html`<div class="bar" aria-hidden="true">
    <i style=${`width:${percentWidth(value)}`}></i><u style=${`left:${percentWidth(chance)}`}></u>
  </div>`;
}

function percentWidth(share: number): string {
  return `${(Math.min(Math.max(share, 0), 1) * 100).toFixed(2)}%`;
}

const auditWords = {
  clean: "No leak found",
  leaking: "Leaks found",
  unchecked: "Nothing checked",
} as const;

function auditCard({ verdict }: ReportAudit): Markup {
  const { checked, outcome } = verdict;
  return html`
    <article class=${`card verdict ${outcome}`}>
      <h2>Leak audit</h2>
      <p class="big">${auditWords[outcome]}</p>
      <p class="chance">
        <data value=${checked.train}>${formatCount(checked.train)}</data> training against
        <data value=${checked.eval}> ${formatCount(checked.eval)}</data> evaluation pictures
      </p>
      <p class="detail"><a href="#audit">what was compared with what</a></p>
    </article>
  `;
}
