import { renderCurve } from "../curve-chart.ts";
import { chartElement, html, type Markup } from "../markup.ts";
import { formatCount, formatPercent, formatValue } from "../numbers.ts";
import type {
  AccuracyResult,
  RetrievalDirection,
  RetrievalResult,
  RunCurve,
} from "../run-report.ts";

/** Recall at each k in both directions, with the candidates and the chance level of each. */
export function retrievalSection(results: readonly RetrievalResult[]): Markup {
  if (results.length === 0) return [];
  return html`
    <section id="retrieval">
      <h2>Retrieval</h2>
      ${results.map(retrievalTable)}
    </section>
  `;
}

function retrievalTable({ name, textToPicture, pictureToText }: RetrievalResult): Markup {
  const ks = textToPicture.recalls.map(({ k }) => k);
  return html`
    <div class="scroll">
      <table>
        <caption>
          ${name}
        </caption>
        <thead>
          <tr>
            <th>direction</th>
            <th class="number">queries</th>
            <th class="number">candidates</th>
            ${ks.map((k) => html`<th class="number">R@${k}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${directionRows("text to picture", textToPicture)}
          ${directionRows("picture to text", pictureToText)}
        </tbody>
      </table>
    </div>
  `;
}

function directionRows(title: string, direction: RetrievalDirection): Markup {
  const { recalls, numQueries, numCandidates } = direction;
  return html`
    <tr>
      <th>${title}</th>
      <td class="number">${formatCount(numQueries)}</td>
      <td class="number">${formatCount(numCandidates)}</td>
      ${recalls.map(
        ({ recall }) =>
          html`<td class="number"><data value=${recall}>${formatPercent(recall)}</data></td>`,
      )}
    </tr>
    <tr class="faint">
      <td colspan="3">chance</td>
      ${recalls.map(
        ({ chance }) =>
          html`<td class="number"><data value=${chance}>${formatPercent(chance)}</data></td>`,
      )}
    </tr>
  `;
}

/** Shares of right decisions beside chance. */
export function accuracySection(results: readonly AccuracyResult[]): Markup {
  if (results.length === 0) return [];
  return html`
    <section id="accuracy">
      <h2>Accuracy</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>task</th>
              <th>split</th>
              <th class="number">examples</th>
              <th class="number">accuracy</th>
              <th class="number">chance</th>
            </tr>
          </thead>
          <tbody>
            ${results.map(accuracyRow)}
          </tbody>
        </table>
      </div>
    </section>
  `;
}

function accuracyRow({ name, split, numExamples, accuracy, chance }: AccuracyResult): Markup {
  return html`
    <tr>
      <th>${name}</th>
      <td>${split}</td>
      <td class="number">${formatCount(numExamples)}</td>
      <td class="number"><data value=${accuracy}>${formatPercent(accuracy)}</data></td>
      <td class="number"><data value=${chance}>${formatPercent(chance)}</data></td>
    </tr>
  `;
}

/** One chart for each curve, with its first, last and lowest value. */
export async function curveSection(curves: readonly RunCurve[]): Promise<Markup> {
  if (curves.length === 0) return [];
  const figures = await Promise.all(curves.map(curveFigure));
  return html`
    <section id="curves">
      <h2>Curves</h2>
      <p class="note">
        The line is the mean of neighbouring steps, the band their lowest and highest value. An axis
        is logarithmic where the values span more than a factor of 20.
      </p>
      <div class="charts">${figures}</div>
    </section>
  `;
}

async function curveFigure(curve: RunCurve): Promise<Markup> {
  const finite = curve.points.filter(({ value }) => Number.isFinite(value));
  const first = finite[0];
  const last = finite.at(-1);
  if (first === undefined || last === undefined) {
    return html`<figure><figcaption>${curve.name}: no finite value</figcaption></figure>`;
  }
  const lowest = finite.reduce((best, point) => (point.value < best.value ? point : best), first);
  const spoken = `${curve.name}: from ${formatValue(first.value)} at step ${first.step} to ${formatValue(last.value)} at step ${last.step}`;
  return html`
    <figure>
      <figcaption>
        <b>${curve.name}</b>
        <span>
          ${labelledValue("last", last.value)} ${labelledValue("lowest", lowest.value)}
          ${labelledValue("first", first.value)}
        </span>
      </figcaption>
      ${chartElement(await renderCurve(curve), spoken)} ${referenceNote(curve)}
    </figure>
  `;
}

function labelledValue(label: string, value: number): Markup {
  return html`<span>${label} <data value=${value}>${formatValue(value)}</data></span>`;
}

function referenceNote({ reference }: RunCurve): Markup {
  if (reference === null) return [];
  return html`<p class="detail">
    ${`dashed: ${reference.label}, `}
    <data value=${reference.value}>${formatValue(reference.value)}</data>
  </p>`;
}
