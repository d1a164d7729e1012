import { escapeControls } from "../core/text.ts";
import { html, type Markup } from "./markup.ts";
import { formatCount } from "./numbers.ts";

/** A split as an audit compared it. */
export interface ComparedSplit {
  readonly set: string;
  readonly split: string;
  /** The digest of the shard set, or of the annotation files. */
  readonly digest: string;
  readonly pictures: number;
  readonly leaked: number;
}

interface SplitRow extends ComparedSplit {
  /** "training", "evaluation" … */
  readonly role: string;
}

/** What was compared with what: the splits with their roles, sizes and the digests of their sets. */
export function splitTable(rows: readonly SplitRow[]): Markup {
  return html`
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>split</th>
            <th>role</th>
            <th class="number">pictures</th>
            <th class="number">leaked</th>
            <th>digest of its set</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(splitRow)}
        </tbody>
      </table>
    </div>
  `;
}

function splitRow(row: SplitRow): Markup {
  return html`
    <tr>
      <th scope="row">${escapeControls(`${row.set}/${row.split}`)}</th>
      <td>${row.role}</td>
      <td class="number"><data value=${row.pictures}>${formatCount(row.pictures)}</data></td>
      <td class="number"><data value=${row.leaked}>${formatCount(row.leaked)}</data></td>
      <td><code title=${row.digest}>${row.digest.slice(0, 12)}</code></td>
    </tr>
  `;
}
