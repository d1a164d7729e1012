import { html, renderMarkup } from "./markup.ts";
import type { RunReport } from "./run-report.ts";
import { auditSection } from "./sections/audit.ts";
import { exampleSection } from "./sections/examples.ts";
import { headline } from "./sections/headline.ts";
import { factSection, ledgerSection, recipeSection } from "./sections/record.ts";
import { accuracySection, curveSection, retrievalSection } from "./sections/results.ts";
import { pageHead } from "./page-head.ts";

/**
 * The report of a run as one HTML page that needs no other file and no network, for a screen of any size, light
 * or dark. Every text of the report is escaped. Equal reports give equal pages.
 */
export async function renderRunReport(report: RunReport): Promise<string> {
  const curves = await curveSection(report.curves);
  const page = html`
    <html lang="en">
      ${pageHead({ title: report.title })}
      <body>
        <main>
          ${headline(report)} ${retrievalSection(report.retrieval)}
          ${accuracySection(report.accuracies)} ${curves} ${exampleSection(report)}
          ${auditSection(report.audits)} ${ledgerSection(report.ledgers)}
          ${recipeSection(report.recipe)} ${factSection(report.facts)}
        </main>
      </body>
    </html>
  `;
  return `<!doctype html>\n${renderMarkup(page)}\n`;
}
