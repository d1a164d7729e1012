import { html, type Markup, renderMarkup } from "../markup.ts";
import { formatCount, formatPercent } from "../numbers.ts";
import { pageHead } from "../page-head.ts";
import { pictureDataUri } from "../picture-data.ts";
import { curveSection } from "../sections/results.ts";
import type { LivePicture, LiveReport, LiveSample, LiveText, MaskRow } from "./live-report.ts";

const liveStyle = `
.live { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 20px; }
.live svg { width: 100%; height: auto; background: var(--page); border-radius: 6px; image-rendering: pixelated; }
.live rect { fill: none; stroke: var(--accent); stroke-width: 1; vector-effect: non-scaling-stroke; }
.live rect.masked { fill: var(--wrong); fill-opacity: 0.55; stroke: var(--wrong); }
.tokens { font-size: 13.5px; line-height: 1.9; margin: 4px 0; }
.tokens .pair { color: var(--muted); font-size: 12.5px; margin-right: 6px; }
.tokens ruby { background: var(--unsure-soft); border-radius: 4px; padding: 0 3px; }
.tokens rt { color: var(--unsure); font-size: 10.5px; }
`;

/** The page of a run that goes on: one HTML file without scripts that needs no network. Every text is escaped. */
export async function renderLivePage(report: LiveReport): Promise<string> {
  const { refreshSeconds, stand, title } = report;
  const curves = await curveSection(report.curves);
  const page = html`
    <html lang="en">
      ${pageHead({ title: `${stand} · ${title}`, style: liveStyle, refreshSeconds })}
      <body>
        <main>
          <header>
            <p class="brand">Crossweave</p>
            <h1>${title}</h1>
            <p class="lead">${stand}</p>
            <ul class="chips">
              ${report.facts.map(({ name, value }) => html`<li>${name}: ${value}</li>`)}
            </ul>
          </header>
          ${curves} ${noticeSection(report.notices)} ${maskSection(report.masks)}
          ${sampleSection(report.samples)}
        </main>
      </body>
    </html>
  `;
  return `<!doctype html>\n${renderMarkup(page)}\n`;
}

function noticeSection(notices: readonly string[]): Markup {
  if (notices.length === 0) return [];
  return html`
    <section id="notices">
      <h2>What the system says</h2>
      ${notices.map((notice) => html`<p>${notice}</p>`)}
    </section>
  `;
}

function maskSection(masks: readonly MaskRow[]): Markup {
  if (masks.length === 0) return [];
  return html`
    <section id="masks">
      <h2>Masks</h2>
      <p class="note">
        What this process masked, beside what the recipe's rules expect; more than four standard
        deviations are no chance.
      </p>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th></th>
              <th class="number">could be</th>
              <th class="number">masked</th>
              <th class="number">share</th>
              <th class="number">expected</th>
              <th class="number">deviations</th>
            </tr>
          </thead>
          <tbody>
            ${masks.map(maskRow)}
          </tbody>
        </table>
      </div>
    </section>
  `;
}

function maskRow({ deviations, expectedMasked, name, numMaskable, numMasked }: MaskRow): Markup {
  const share = (of: number): string => formatPercent(of / Math.max(1, numMaskable));
  return html`
    <tr>
      <th>${name}</th>
      <td class="number">${formatCount(numMaskable)}</td>
      <td class="number">${formatCount(numMasked)}</td>
      <td class="number">${share(numMasked)}</td>
      <td class="number">${share(expectedMasked)}</td>
      <td class="number">${deviations.toFixed(1)}</td>
    </tr>
  `;
}

function sampleSection(samples: readonly LiveSample[]): Markup {
  if (samples.length === 0) return [];
  return html`
    <section id="samples">
      <h2>A batch as the model is shown it</h2>
      <p class="note">
        Pictures after cropping and scaling; masked regions are filled. Where a word is to be
        predicted, it stands above what is shown in its place.
      </p>
      <div class="live">${samples.map(sampleFigure)}</div>
    </section>
  `;
}

function sampleFigure({ picture, texts }: LiveSample): Markup {
  return html`
    <figure>
      ${pictureDrawing(picture)}
      <figcaption class="detail">${picture.name}</figcaption>
      ${texts.map(textLine)}
    </figure>
  `;
}

function pictureDrawing({ height, image, name, regions, width }: LivePicture): Markup {
  return html`
    <svg viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${name}>
      ${image !== null && html`<image href=${pictureDataUri(image.bytes)} width=${width} height=${height} />`}
      ${regions.map(
        (region) =>
          html`<rect
            class=${region.isMasked ? "masked" : "region"}
            x=${region.left}
            y=${region.top}
            width=${region.width}
            height=${region.height}
          />`,
      )}
    </svg>
  `;
}

function textLine({ isMatched, tokens }: LiveText): Markup {
  return html`
    <p class="tokens">
      <span class="pair">${isMatched ? "✓ matched" : "✗ unmatched"}</span>
      ${tokens.map(({ expected, text }) =>
        expected === null ? `${text} ` : html`<ruby>${text}<rt>${expected}</rt></ruby> `,
      )}
    </p>
  `;
}
