// How the official VQA evaluation spells answers before it compares them (GT-Vision-Lab/VQA, vqaEval.py).

/** Marks that are taken out of an answer; every one of them is judged by the answer as it was given. */
const MARKS: readonly string[] = Array.from(';/[]"{}()=+\\_-><@`,?!');
const DIGIT_COMMA_DIGIT = /[0-9],[0-9]/;
// The official pattern has a mistyped look-behind, so that what stands before the period never matters,
// and its flag stands where the number of replacements belongs, so that there are 32 of them at most.
const PERIOD = /\.(?![0-9])/g;
const MAX_PERIODS = 32;

const NUMBER_WORDS: ReadonlyMap<string, string> = new Map([
  ["none", "0"],
  ...["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"].map(
    (word, number) => [word, String(number)] as const,
  ),
]);
const ARTICLES: ReadonlySet<string> = new Set(["a", "an", "the"]);

// Words that get their apostrophe back when one is left out. The official table also has "she's" and
// "let's", which change nothing, and "I'm" and its kin, which no word in lower case ever equals.
const CONTRACTED = `
  'ow's'at 'twas ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've
  hasn't haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am might've mightn't
  mightn't've must've mustn't needn't not've o'clock oughtn't shan't she'd've should've shouldn't
  shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's
  something'd something'd've something'll that's there'd there'd've there're there's they'd they'd've
  they'll they're they've wasn't we'd've we've weren't what'll what're what's what've when's where'd
  where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't
  wouldn't've y'all y'all'd've y'all'll you'd you'd've you'll you're you've`;

const CONTRACTIONS: ReadonlyMap<string, string> = new Map([
  ...CONTRACTED.trim()
    .split(/\s+/)
    .flatMap((word) => withoutOneApostrophe(word).map((key) => [key, word] as const)),
  ["somebody'd", "somebodyd"], // the official table has this one the wrong way round
]);

function withoutOneApostrophe(word: string): string[] {
  return Array.from(
    word.matchAll(/'/g),
    ({ index }) => word.slice(0, index) + word.slice(index + 1),
  );
}

/**
 * An answer as the official evaluation spells it: lower case, no articles, marks taken out, number words
 * as digits ("none" as "0"), apostrophes put back. The evaluation does this to the prediction and to the
 * ten given answers, but only when those ten are not all equal.
 */
export function normalisedAnswer(answer: string): string {
  const given = answer.replaceAll(/[\n\t]/g, " ").trim();
  return withoutMarks(given)
    .toLowerCase()
    .split(/\s+/)
    .map((word) => NUMBER_WORDS.get(word) ?? word)
    .filter((word) => word !== "" && !ARTICLES.has(word))
    .map((word) => CONTRACTIONS.get(word) ?? word)
    .join(" ");
}

function withoutMarks(given: string): string {
  const hasNumber = DIGIT_COMMA_DIGIT.test(given);
  let text = given;
  for (const mark of MARKS) {
    const isBesideSpace = given.includes(`${mark} `) || given.includes(` ${mark}`);
    text = text.replaceAll(mark, isBesideSpace || hasNumber ? "" : " ");
  }
  let numPeriods = 0;
  return text.replace(PERIOD, (period) => ((numPeriods += 1) <= MAX_PERIODS ? "" : period));
}
