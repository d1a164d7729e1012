import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pageStyle } from "../page-style.ts";
import { pictureDataUri } from "../picture-data.ts";
import { html, renderMarkup, styleElement } from "../markup.ts";
import type { AuditPage } from "./audit-page.ts";
import { comparisonSections, pageHeader } from "./overview.ts";
import { PAIRS_PER_PAGE, PICTURES_PER_BLOCK } from "./page-limits.ts";
import { reviewSection } from "./review-frame.ts";
import { reviewStyle } from "./review-style.ts";

const SCRIPT_FOLDER = join(import.meta.dirname, "../../../browser/audit-review");
// Each after those it imports.
const SCRIPT_FILES = ["state.js", "decision-list.js", "pair-card.js", "main.js"] as const;

/**
 * The page of an audit as one HTML document, in pieces: it needs no other file and no network. What it found
 * stands in it as data that its own script shows as text; the page's policy lets no other script or style
 * run. Equal audits give equal pages.
 */
export async function* renderAuditPage(page: AuditPage): AsyncGenerator<string> {
  const script = await reviewScript();
  const style = pageStyle + reviewStyle;
  yield `<!doctype html>\n<html lang="en">${renderMarkup(headElement(page, { script, style }))}<body>`;
  yield renderMarkup(html`
    <main class="audit">
      ${pageHeader(page)} ${comparisonSections(page)} ${reviewSection(page)}
    </main>
  `);
  if (page.pairs.length > 0) {
    yield dataBlock("review-data", reviewData(page));
    for (const [index, block] of pictureBlocks(page.pictures).entries()) {
      yield dataBlock(`pictures-${index}`, block.map(pictureDataUri));
    }
    yield `<script>${script}</script>`;
  }
  yield "</body></html>\n";
}

function headElement(
  { digest }: AuditPage,
  { script, style }: { script: string; style: string },
): ReturnType<typeof html> {
  const policy = [
    "default-src 'none'",
    "img-src data:",
    `style-src ${sourceHash(style)}`,
    `script-src ${sourceHash(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return html`
    <head>
      <meta charset="utf-8" />
      <meta http-equiv="Content-Security-Policy" content=${policy} />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="referrer" content="no-referrer" />
      <link rel="icon" href="data:," />
      <title>Leak audit ${digest.slice(0, 12)} · Crossweave</title>
      ${styleElement(style)}
    </head>
  `;
}

function sourceHash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** What the script is given: the type ReviewData of browser/audit-review/state.js. */
function reviewData({ digest, pairs, decisions }: AuditPage): unknown {
  return { digest, pairsPerPage: PAIRS_PER_PAGE, pairs, decisions };
}

function pictureBlocks(pictures: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const numBlocks = Math.ceil(pictures.length / PICTURES_PER_BLOCK);
  return Array.from({ length: numBlocks }, (_, index) =>
    pictures.slice(index * PICTURES_PER_BLOCK, (index + 1) * PICTURES_PER_BLOCK),
  );
}

/** Data that no browser runs; no text in it can end the element. */
function dataBlock(id: string, data: unknown): string {
  const text = JSON.stringify(data).replaceAll("<", "\\u003c");
  return `<script type="application/json" id="${id}">${text}</script>\n`;
}

const IMPORT = /^import .*\n/gm;
const EXPORT = /^export /gm;

/** The script's modules as one, in a scope of their own. */
async function reviewScript(): Promise<string> {
  const modules = await Promise.all(
    SCRIPT_FILES.map((name) => readFile(join(SCRIPT_FOLDER, name), "utf8")),
  );
  const text = modules.map((module) => module.replace(IMPORT, "").replace(EXPORT, "")).join("");
  return `"use strict";\n{\n${text}}\n`;
}
