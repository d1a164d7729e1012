import { html as template } from "htm/preact";
import type { VNode } from "preact";
import { renderToString } from "preact-render-to-string";

/** A piece of the page. */
export type Markup = VNode | VNode[];

/** Markup from a template; every value that is put in is escaped. */
export const html: (strings: TemplateStringsArray, ...values: unknown[]) => Markup = template;

/** The markup as text. */
export function renderMarkup(markup: Markup): string {
  const nodes = Array.isArray(markup) ? markup : [markup];
  return nodes.map((node) => renderToString(node)).join("");
}

// The two below are the only ways past the escaping: for markup made by this room, never for text of a report.

export function styleElement(css: string): Markup {
  return html`<style dangerouslySetInnerHTML=${{ __html: css }} />`;
}

/** A drawing with the words that stand for it where it cannot be seen. */
export function chartElement(svg: string, description: string): Markup {
  return html`<div
    class="chart"
    role="img"
    aria-label=${description}
    dangerouslySetInnerHTML=${{ __html: svg }}
  />`;
}
