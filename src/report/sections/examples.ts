import { html, type Markup } from "../markup.ts";
import { formatCount } from "../numbers.ts";
import { pictureDataUri } from "../picture-data.ts";
import type {
  FoundPicture,
  FoundText,
  PictureQuery,
  ReportPicture,
  TextQuery,
} from "../run-report.ts";

export interface RetrievalExamples {
  readonly textQueries: readonly TextQuery[];
  readonly pictureQueries: readonly PictureQuery[];
}

/** What some texts and some pictures found, the right answers marked. */
export function exampleSection({ textQueries, pictureQueries }: RetrievalExamples): Markup {
  if (textQueries.length + pictureQueries.length === 0) return [];
  return html`
    <section id="examples">
      <h2>Example retrievals</h2>
      <p class="note">
        Best first, with the model's score. A right answer has a tick and a green frame.
      </p>
      ${textQueries.length > 0 && html`<h3>Text to picture</h3>`} ${textQueries.map(textExample)}
      ${pictureQueries.length > 0 && html`<h3>Picture to text</h3>`}
      <div class="picture-queries">${pictureQueries.map(pictureExample)}</div>
    </section>
  `;
}

function textExample({ text, rank, numCandidates, found, expected }: TextQuery): Markup {
  return html`
    <article class="query">
      <p class="words">“${text}”</p>
      ${rankLine(rank, numCandidates)}
      <ol class="pictures">
        ${found.map(foundPicture)}
        ${
          expected !== null &&
          html`<li class="expected">
            ${pictureElement(expected)}
            <p class="detail">the right one, rank ${formatCount(rank)}</p>
          </li>`
        }
      </ol>
    </article>
  `;
}

function foundPicture({ picture, score, isRight }: FoundPicture): Markup {
  return html`
    <li class=${isRight ? "right" : ""}>
      ${pictureElement(picture)}
      <p class="detail">${isRight && tick} ${score.toFixed(2)}</p>
    </li>
  `;
}

function pictureExample({ picture, rank, numCandidates, found, expected }: PictureQuery): Markup {
  return html`
    <article class="query picture-query">
      <div>${pictureElement(picture)} ${rankLine(rank, numCandidates)}</div>
      <ol class="texts">
        ${found.map(foundText)}
        ${
          expected !== null &&
          html`<li class="expected">
            ${expected} <span class="detail">a right one, rank ${formatCount(rank)}</span>
          </li>`
        }
      </ol>
    </article>
  `;
}

function foundText({ text, score, isRight }: FoundText): Markup {
  return html`
    <li class=${isRight ? "right" : ""}>
      ${isRight && tick} ${text} <span class="detail">${score.toFixed(2)}</span>
    </li>
  `;
}

const tick = html`<span class="tick" role="img" aria-label="right">✓</span>`;

function rankLine(rank: number, numCandidates: number): Markup {
  return html`<p class="detail">
    first right answer at rank <data value=${rank}>${formatCount(rank)}</data> of
    ${" "}${formatCount(numCandidates)}
  </p>`;
}

function pictureElement({ name, bytes }: ReportPicture): Markup {
  return html`<img src=${pictureDataUri(bytes)} alt=${name} title=${name} loading="lazy" />`;
}
