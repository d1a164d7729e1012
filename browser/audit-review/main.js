import { downloadList, KeptProgress, parseDecisionList } from "./decision-list.js";
import { markDecision, pairCard, provenWords } from "./pair-card.js";
import { isDecidable, ReviewState } from "./state.js";
/** @import { Pair } from "./state.js" */

const state = new ReviewState(JSON.parse(textOf("review-data")));
const kept = new KeptProgress(state.data);
state.startWith(kept.read() ?? state.data.decisions);

const cards = byId("cards", HTMLElement);
const help = byId("help", HTMLDialogElement);
const file = byId("open-list", HTMLInputElement);

/**
 * The element of the page that has `id`.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 */
function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`);
  return found;
}

/** @param {string} id */
function textOf(id) {
  return byId(id, HTMLElement).textContent ?? "";
}

/** Blocks of thumbnails that were needed so far. @type {Map<number, string[]>} */
const blocks = new Map();
const picturesPerBlock = Number(cards.dataset["picturesPerBlock"]);

/** @param {number} index */
function pictureOf(index) {
  const number = Math.floor(index / picturesPerBlock);
  const block = blocks.get(number) ?? JSON.parse(textOf(`pictures-${number}`));
  blocks.set(number, block);
  return block[index % picturesPerBlock];
}

let drawnPage = "";

/** Draws the page of pairs, unless it is drawn already, and marks the pair the reader stands on. */
function draw() {
  const { pairsPerPage } = state.data;
  const start = state.page * pairsPerPage;
  const shown = state.visible.slice(start, start + pairsPerPage);
  const wanted = shown.join(" ");
  if (wanted !== drawnPage || shown.length === 0) {
    drawnPage = wanted;
    cards.replaceChildren(...shown.flatMap((index, place) => cardOf(index, start + place)));
    if (shown.length === 0) cards.append("No pair is shown with these filters.");
  }
  for (const [place, card] of [...cards.children].entries()) {
    if (start + place === state.position) card.setAttribute("aria-current", "true");
    else card.removeAttribute("aria-current");
  }
  drawCounts();
}

/** @param {number} index @param {number} position */
function cardOf(index, position) {
  const pair = state.data.pairs[index];
  if (pair === undefined) return [];
  const title = `${(position + 1).toLocaleString("en-US")} of ${state.visible.length.toLocaleString("en-US")}`;
  return [pairCard(pair, { title, pictureOf, ...madeOn(pair) })];
}

/** @param {Pair} pair */
function madeOn(pair) {
  return { decision: state.decisionOn(pair), note: state.noteOn(pair) };
}

function drawCounts() {
  const numDenied = state.count("deny").toLocaleString("en-US");
  const numAllowed = state.count("allow").toLocaleString("en-US");
  byId("counts", HTMLElement).textContent =
    `${numDenied} denied, ${numAllowed} allowed${state.isSaved ? "" : " · not saved as a file yet"}`;
  byId("page-number", HTMLElement).textContent = `page ${state.page + 1} of ${state.numPages}`;
  disable("previous-page", state.page === 0);
  disable("next-page", state.page + 1 >= state.numPages);
  disable("undo", state.history.length === 0);
}

/** @param {string} id @param {boolean} isDisabled */
function disable(id, isDisabled) {
  byId(id, HTMLElement).toggleAttribute("disabled", isDisabled);
}

/** @param {string} words */
function say(words) {
  byId("status", HTMLElement).textContent = words;
}

function currentCard() {
  const card = cards.children[state.position % state.data.pairsPerPage];
  return card instanceof HTMLElement ? card : undefined;
}

/** @param {number} position */
function goTo(position) {
  state.moveTo(position);
  draw();
  focusCurrent();
}

function focusCurrent() {
  const card = currentCard();
  card?.focus({ preventScroll: true });
  card?.scrollIntoView({ block: "nearest" });
}

/** Decides on the current pair and goes to the next one. @param {"allow" | "deny"} decision */
function decide(decision) {
  const pair = state.current;
  if (pair === undefined) return;
  if (!isDecidable(pair)) return say("texts are looked at here; they are not decided on");
  if (decision === "allow" && pair.proven) return say(`it stays a leak: ${provenWords}`);
  state.decide(pair, decision);
  keep();
  redrawDecisions();
  say(`${decision === "deny" ? "denied" : "allowed"}: ${pair.train.key} and ${pair.eval.key}`);
  goTo(state.position + 1);
}

function undo() {
  if (!state.undo()) return say("there is nothing to undo");
  keep();
  redrawDecisions();
  say("undone");
  goTo(state.position);
}

let isKept = true;

function keep() {
  isKept = kept.write(state);
}

/** One decision may stand on several cards: a picture can be in several scenes. */
function redrawDecisions() {
  for (const [place, card] of [...cards.children].entries()) {
    const pair =
      state.data.pairs[state.visible[state.page * state.data.pairsPerPage + place] ?? -1];
    if (pair !== undefined && card instanceof HTMLElement) {
      markDecision(card, madeOn(pair));
    }
  }
  drawCounts();
}

function save() {
  downloadList(state);
  state.isSaved = true;
  drawCounts();
  say("the list was saved: crossweave audit … --decisions FILE reads it");
}

async function openList() {
  const chosen = file.files?.[0];
  if (chosen === undefined) return;
  try {
    state.takeOver(parseDecisionList(await chosen.text()));
    keep();
    redrawDecisions();
    say(`took over the decisions of ${chosen.name} that were not made here`);
  } catch (error) {
    say(`${chosen.name} was not read: ${error instanceof Error ? error.message : String(error)}`);
  }
  file.value = "";
}

function toggleHelp() {
  if (help.open) help.close();
  else help.showModal();
}

/** @param {number} page */
function turnTo(page) {
  goTo(page * state.data.pairsPerPage);
}

/** @type {Record<string, () => void>} */
const actions = {
  j: () => goTo(state.position + 1),
  ArrowDown: () => goTo(state.position + 1),
  k: () => goTo(state.position - 1),
  ArrowUp: () => goTo(state.position - 1),
  a: () => decide("deny"),
  r: () => decide("allow"),
  u: undo,
  n: () => currentCard()?.querySelector("input")?.focus(),
  s: save,
  "[": () => turnTo(state.page - 1),
  "]": () => turnTo(Math.min(state.page + 1, state.numPages - 1)),
  "?": toggleHelp,
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target instanceof HTMLInputElement && target.type === "text") {
    if (key === "Escape" || key === "Enter") focusCurrent();
    return;
  }
  const isChoosing = target instanceof HTMLSelectElement || target instanceof HTMLInputElement;
  if (isChoosing && key !== "?") return;
  if (help.open && key !== "?") return;
  const action = Object.hasOwn(actions, key) ? actions[key] : undefined;
  if (action === undefined) return;
  event.preventDefault();
  action();
});

/** The place in `visible` of the card around `target`. @param {EventTarget | null} target */
function positionOf(target) {
  const card = target instanceof Element ? target.closest(".pair") : null;
  const place = card === null ? -1 : [...cards.children].indexOf(card);
  return place < 0 ? undefined : state.page * state.data.pairsPerPage + place;
}

cards.addEventListener("click", ({ target }) => {
  const position = positionOf(target);
  if (position === undefined) return;
  state.moveTo(position);
  const action = target instanceof HTMLElement ? target.dataset["action"] : undefined;
  if (action === "deny" || action === "allow") decide(action);
  else draw();
});

cards.addEventListener("change", ({ target }) => {
  const position = positionOf(target);
  const pair = state.data.pairs[state.visible[position ?? -1] ?? -1];
  if (pair === undefined || !(target instanceof HTMLInputElement)) return;
  state.annotate(pair, target.value);
  keep();
  redrawDecisions();
});

for (const select of document.querySelectorAll("select")) {
  select.addEventListener("change", () => {
    state.show({ [select.name]: select.value });
    draw();
    const { length } = state.visible;
    say(`${length.toLocaleString("en-US")} ${length === 1 ? "pair is" : "pairs are"} shown`);
  });
}

/** @type {Record<string, () => void>} */
const buttons = {
  "previous-page": () => turnTo(state.page - 1),
  "next-page": () => turnTo(state.page + 1),
  undo,
  save,
  "show-help": toggleHelp,
  "choose-list": () => file.click(),
};

for (const [id, action] of Object.entries(buttons))
  byId(id, HTMLElement).addEventListener("click", action);
file.addEventListener("change", () => void openList());
globalThis.addEventListener("beforeunload", (event) => {
  if (!state.isSaved && !isKept) event.preventDefault();
});

byId("review", HTMLElement).hidden = false;
draw();
