import { isDecidable, splitOf } from "./state.js";
/** @import { Decision, Pair, Place } from "./state.js" */

// Controls, bidirectional marks, line separators, lone surrogates: as core/text.ts spells them out.
const UNPRINTABLE = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * A text that cannot reorder what a person reads.
 * @param {string} text
 */
function spelledOut(text) {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * An element with its texts and children; a text is never read as markup.
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {readonly (Node | string)[]} children
 */
export function element(tag, attributes, children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, spelledOut(value));
  }
  made.append(...children.map((child) => (typeof child === "string" ? spelledOut(child) : child)));
  return made;
}

/**
 * A pair side by side, with its chain and what may be decided.
 * @param {Pair} pair
 * @param {{title: string, pictureOf: (index: number) => string, decision: Decision | undefined, note: string}} shown
 */
export function pairCard(pair, shown) {
  const card = element("article", { class: "pair", tabindex: "-1", "aria-label": shown.title }, [
    heading(pair, shown.title),
    element("div", { class: "sides" }, [
      side("training", pair.train, shown.pictureOf),
      side("evaluation", pair.eval, shown.pictureOf),
    ]),
    evidence(pair),
  ]);
  if (isDecidable(pair)) card.append(decisionRow(pair));
  markDecision(card, shown);
  return card;
}

/**
 * Shows on a card what was decided.
 * @param {HTMLElement} card
 * @param {{decision: Decision | undefined, note: string}} made
 */
export function markDecision(card, { decision, note }) {
  card.dataset["decision"] = decision?.decision ?? "open";
  const words = card.querySelector(".decided");
  if (words !== null) words.textContent = decisionWords[decision?.decision ?? "open"];
  const input = card.querySelector("input");
  if (input !== null) input.value = note;
}

const decisionWords = {
  open: "not decided",
  deny: "denied: it is a leak",
  allow: "allowed: not the same picture",
};

/** @type {Record<string, string>} */
const listWords = {
  leak: "leak",
  suspect: "suspect",
  allowed: "allowed",
  text: "text leak",
  alike: "texts alike",
};

/** @param {Pair} pair @param {string} title */
function heading(pair, title) {
  const parts = [
    element("span", { class: "place-number" }, [title]),
    element("span", { class: `badge ${pair.list}` }, [listWords[pair.list] ?? pair.list]),
    element("strong", {}, [pair.rule]),
  ];
  if (pair.alsoBy.length > 0) {
    parts.push(element("span", { class: "detail" }, [`also ${pair.alsoBy.join(", ")}`]));
  }
  if (pair.kind !== "") parts.push(element("span", { class: "detail kind" }, [pair.kind]));
  return element("header", {}, parts);
}

/** @param {string} role @param {Place} place @param {(index: number) => string} pictureOf */
function side(role, place, pictureOf) {
  const { picture, text, label } = place;
  const parts = [];
  if (picture !== null) {
    const alt = `${role} picture ${place.key}`;
    parts.push(element("img", { src: pictureOf(picture), alt, title: place.key }, []));
  }
  if (text !== null) {
    parts.push(element("blockquote", { dir: "auto" }, [text]));
    parts.push(
      element("p", { class: "detail" }, [label === null ? "no label" : `label: ${label}`]),
    );
  }
  if (picture === null && text === null) {
    parts.push(element("p", { class: "no-picture" }, ["no thumbnail: the picture is not at hand"]));
  }
  const caption = [
    element("span", { class: "detail" }, [`${role} · ${splitOf(place)}`]),
    element("code", {}, [place.key]),
  ];
  if (place.scene !== place.key) {
    caption.push(element("span", { class: "detail" }, [`scene ${place.scene}`]));
  }
  parts.push(element("figcaption", {}, caption));
  return element("figure", {}, parts);
}

/** @param {Pair} pair */
function evidence({ chain, measures }) {
  const steps = chain.map(({ from, to, rule, evidence: words }) =>
    element("li", {}, [
      element("code", {}, [from]),
      " = ",
      element("code", {}, [to]),
      element("span", { class: "detail" }, [`${rule}: ${words}`]),
    ]),
  );
  const numbers = measures.map(({ name, detail }) =>
    element("div", {}, [element("dt", {}, [name]), element("dd", {}, [detail])]),
  );
  const parts = [];
  if (steps.length > 0) parts.push(element("ol", { class: "chain" }, steps));
  if (numbers.length > 0) parts.push(element("dl", { class: "measures" }, numbers));
  return element("div", { class: "why" }, parts);
}

/** @param {Pair} pair */
function decisionRow(pair) {
  /** @param {string} action @param {string} text @param {Record<string, string>} more */
  const button = (action, text, more = {}) =>
    element("button", { type: "button", "data-action": action, ...more }, [text]);
  const allow = pair.proven
    ? button("allow", "Not the same (r)", { "aria-disabled": "true", title: provenWords })
    : button("allow", "Not the same (r)", { title: "allow the pair: it is no leak" });
  const name = `note on ${pair.train.key} and ${pair.eval.key}`;
  return element("footer", {}, [
    button("deny", "It is a leak (a)", { title: "deny the pair: it has to go" }),
    allow,
    element("span", { class: "decided" }, []),
    element(
      "input",
      { type: "text", maxlength: "500", placeholder: "note (n)", "aria-label": name },
      [],
    ),
  ]);
}

/** Why some pairs cannot be allowed. */
export const provenWords =
  "the two have the same key, bytes or pixels: that is a fact, and no decision can allow it";
