/**
 * One pair of the page, as src/report/audit-page/audit-page.ts describes it.
 * @typedef {{name: string, detail: string}} Measure
 * @typedef {{from: string, to: string, rule: string, evidence: string}} Step
 * @typedef {{set: string, split: string, scene: string, key: string, picture: number | null, text: string | null, label: string | null}} Place
 * @typedef {{list: string, rule: string, alsoBy: string[], kind: string, train: Place, eval: Place, chain: Step[], measures: Measure[], proven: boolean}} Pair
 * @typedef {{train: string, eval: string, decision: "allow" | "deny", rule: string, note: string}} Decision
 * @typedef {{digest: string, pairsPerPage: number, pairs: Pair[], decisions: Decision[]}} ReviewData
 * @typedef {{list: string, rule: string, training: string, evaluation: string, decided: string}} Filter
 */

/** Every pair that a filter lets through. */
const everything = { list: "", rule: "", training: "", evaluation: "", decided: "" };

/** What is shown, where the reader stands, and what was decided. */
export class ReviewState {
  /** @type {Map<string, Decision>} */
  decisions = new Map();
  /** Notes on pairs that are not decided yet. @type {Map<string, string>} */
  drafts = new Map();
  /** @type {{key: string, earlier: Decision | undefined}[]} */
  history = [];
  /** @type {Filter} */
  filter = { ...everything };
  /** Places in `data.pairs` of the pairs that are shown, on whatever page. @type {number[]} */
  visible = [];
  /** The place in `visible` of the pair the reader stands on. */
  position = 0;
  isSaved = true;

  /** @param {ReviewData} data */
  constructor(data) {
    this.data = data;
    this.startWith(data.decisions);
    this.show(everything);
  }

  /** @param {Partial<Filter>} change */
  show(change) {
    this.filter = { ...this.filter, ...change };
    this.visible = [...this.data.pairs.keys()].filter((index) => this.isShown(index));
    this.position = 0;
  }

  /** @param {number} index */
  isShown(index) {
    const pair = this.data.pairs[index];
    const { list, rule, training, evaluation, decided } = this.filter;
    return (
      pair !== undefined &&
      (list === "" || pair.list === list) &&
      (rule === "" || pair.rule === rule || pair.alsoBy.includes(rule)) &&
      (training === "" || splitOf(pair.train) === training) &&
      (evaluation === "" || splitOf(pair.eval) === evaluation) &&
      (decided === "" || decided === this.wordOn(pair))
    );
  }

  get page() {
    return Math.floor(this.position / this.data.pairsPerPage);
  }

  get numPages() {
    return Math.max(1, Math.ceil(this.visible.length / this.data.pairsPerPage));
  }

  /** The pair the reader stands on. */
  get current() {
    return this.data.pairs[this.visible[this.position] ?? -1];
  }

  /** @param {number} position */
  moveTo(position) {
    this.position = Math.max(0, Math.min(position, this.visible.length - 1));
  }

  /** @param {Pair} pair */
  decisionOn(pair) {
    return isDecidable(pair) ? this.decisions.get(keyOfPair(pair)) : undefined;
  }

  /** "deny", "allow", "open"; empty for a pair on which nobody decides. @param {Pair} pair */
  wordOn(pair) {
    return isDecidable(pair) ? (this.decisionOn(pair)?.decision ?? "open") : "";
  }

  /** What a person wrote about the pair, before or after the decision. @param {Pair} pair */
  noteOn(pair) {
    return this.decisionOn(pair)?.note ?? this.drafts.get(keyOfPair(pair)) ?? "";
  }

  /** @param {Pair} pair @param {"allow" | "deny"} decision */
  decide(pair, decision) {
    const note = this.noteOn(pair);
    this.#set(keyOfPair(pair), {
      train: pair.train.key,
      eval: pair.eval.key,
      decision,
      rule: pair.rule,
      note,
    });
  }

  /** @param {Pair} pair @param {string} note */
  annotate(pair, note) {
    const decision = this.decisionOn(pair);
    if (decision === undefined) this.drafts.set(keyOfPair(pair), note);
    else if (decision.note !== note) this.#set(keyOfPair(pair), { ...decision, note });
  }

  /** Takes the last decision back and goes to its pair; false when there is none. */
  undo() {
    const last = this.history.pop();
    if (last === undefined) return false;
    if (last.earlier === undefined) this.decisions.delete(last.key);
    else this.decisions.set(last.key, last.earlier);
    this.isSaved = false;
    const { pairs } = this.data;
    const position = this.visible.findIndex((index) => {
      const pair = pairs[index];
      return pair !== undefined && keyOfPair(pair) === last.key;
    });
    if (position >= 0) this.position = position;
    return true;
  }

  /** Takes decisions for the state of things. @param {readonly Decision[]} decisions */
  startWith(decisions) {
    this.decisions = new Map(decisions.map((decision) => [keyOf(decision), decision]));
  }

  /** Takes decisions of a list over; those of the page go first. @param {readonly Decision[]} decisions */
  takeOver(decisions) {
    for (const decision of decisions) {
      const key = keyOf(decision);
      if (!this.decisions.has(key)) this.decisions.set(key, decision);
    }
  }

  /** @param {"allow" | "deny"} decision */
  count(decision) {
    return [...this.decisions.values()].filter((made) => made.decision === decision).length;
  }

  /** @param {string} key @param {Decision} decision */
  #set(key, decision) {
    this.history.push({ key, earlier: this.decisions.get(key) });
    this.decisions.set(key, decision);
    this.isSaved = false;
  }
}

/** @param {Pair} pair */
function keyOfPair(pair) {
  return `${pair.train.key}\n${pair.eval.key}`;
}

/** @param {Decision} decision */
function keyOf(decision) {
  return `${decision.train}\n${decision.eval}`;
}

/** @param {Place} place */
export function splitOf(place) {
  return `${place.set}/${place.split}`;
}

/** Whether a person decides on the pair: texts are only looked at. @param {Pair} pair */
export function isDecidable(pair) {
  return pair.list !== "text" && pair.list !== "alike";
}
