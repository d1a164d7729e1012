import { html, renderMarkup, styleElement } from "./markup.ts";
import type { RunReport } from "./run-report.ts";
import { auditSection } from "./sections/audit.ts";
import { exampleSection } from "./sections/examples.ts";
import { headline } from "./sections/headline.ts";
import { factSection, ledgerSection, recipeSection } from "./sections/record.ts";
import { accuracySection, curveSection, retrievalSection } from "./sections/results.ts";
import { pageStyle } from "./page-style.ts";

// No script, no network: pictures are data URIs, styles stand in the page.
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/**
 * The report of a run as one HTML page that needs no other file and no network, for a screen of any size, light
 * or dark. Every text of the report is escaped. Equal reports give equal pages.
 */
export async function renderRunReport(report: RunReport): Promise<string> {
  const curves = await curveSection(report.curves);
  const page = html`
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content=${CONTENT_SECURITY_POLICY} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="referrer" content="no-referrer" />
        <link rel="icon" href="data:," />
        <title>${report.title} · Crossweave</title>
        ${styleElement(pageStyle)}
      </head>
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
