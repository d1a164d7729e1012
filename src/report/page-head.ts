import { html, type Markup, styleElement } from "./markup.ts";
import { pageStyle } from "./page-style.ts";

// No script, no network: pictures are data URIs, styles stand in the page.
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

interface PageHead {
  readonly title: string;
  /** Beside the style of all pages. */
  readonly style?: string;
  /** The browser asks for the page again after so many seconds; never when left out. */
  readonly refreshSeconds?: number | null;
}

/** The head of a page without scripts. */
export function pageHead({ refreshSeconds = null, style = "", title }: PageHead): Markup {
  const refresh =
    refreshSeconds !== null &&
    html`<meta http-equiv="refresh" content=${String(refreshSeconds)} />`;
  return html`
    <head>
      <meta charset="utf-8" />
      <meta http-equiv="Content-Security-Policy" content=${CONTENT_SECURITY_POLICY} />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="referrer" content="no-referrer" />
      ${refresh}
      <link rel="icon" href="data:," />
      <title>${title} · Crossweave</title>
      ${styleElement(pageStyle + style)}
    </head>
  `;
}
