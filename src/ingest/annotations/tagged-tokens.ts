/**
 * A sentence of VCR as a list of tokens: words, and lists of the objects that are meant, by their
 * position among the picture's objects.
 */
export type TaggedTokens = readonly (string | readonly number[])[];

/** Tokens, or what is wrong with them as a JSON pointer inside the list and words. */
export type ReadTokens =
  | { readonly tokens: TaggedTokens }
  | { readonly at: string; readonly wrong: string };

/** Takes a value for the tokens of a sentence about a picture with so many objects. */
export function readTaggedTokens(value: unknown, numObjects: number): ReadTokens {
  if (!Array.isArray(value)) return { at: "", wrong: found(value, "a list of tokens") };
  const tokens: (string | readonly number[])[] = [];
  for (const [index, token] of value.entries()) {
    const read = readToken(token, numObjects);
    if ("wrong" in read) return { at: `/${index}${read.at}`, wrong: read.wrong };
    tokens.push(read.token);
  }
  return { tokens };
}

type ReadToken =
  | { readonly token: string | readonly number[] }
  | { readonly at: string; readonly wrong: string };

function readToken(token: unknown, numObjects: number): ReadToken {
  if (typeof token === "string") return { token };
  if (!Array.isArray(token) || token.length === 0) {
    return { at: "", wrong: found(token, "a word or a list of objects") };
  }
  const objects: number[] = [];
  for (const [index, object] of token.entries()) {
    if (!isObjectIndex(object, numObjects)) {
      return { at: `/${index}`, wrong: found(object, `an object from 0 to ${numObjects - 1}`) };
    }
    objects.push(object);
  }
  return { token: objects };
}

function isObjectIndex(value: unknown, numObjects: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < numObjects;
}

function found(value: unknown, expected: string): string {
  return `is ${(JSON.stringify(value) ?? "").slice(0, 80)}; expected ${expected}`;
}

/**
 * The text of a sentence: its tokens with a space between them. An object is written as its name and
 * its position from 1 on among all objects, as the annotators saw it: "person3"; several of one tag
 * have commas between them: "person1,car4". A word that begins with a backslash, or that could be
 * taken for a tag, has a backslash put before it, so that `tokensOfText` gives the tokens again
 * (unless a word has a space in it).
 */
export function textOfTokens(tokens: TaggedTokens, objects: readonly string[]): string {
  return tokens
    .map((token) => {
      if (typeof token !== "string") return token.map((index) => nameOf(objects, index)).join(",");
      return token.startsWith("\\") || objectsOfWord(token, objects) !== undefined
        ? `\\${token}`
        : token;
    })
    .join(" ");
}

/** The tokens of a text that `textOfTokens` made with the same objects. */
export function tokensOfText(text: string, objects: readonly string[]): TaggedTokens {
  return text
    .split(" ")
    .map((word) =>
      word.startsWith("\\") ? word.slice(1) : (objectsOfWord(word, objects) ?? word),
    );
}

/** The objects that a word names, or undefined when it is no tag. */
function objectsOfWord(word: string, objects: readonly string[]): readonly number[] | undefined {
  if (!/\d$/.test(word)) return undefined;
  const indices = word.split(",").map((name) => {
    const index = Number(/[1-9]\d*$/.exec(name)?.[0] ?? 0) - 1;
    return index >= 0 && nameOf(objects, index) === name ? index : -1;
  });
  return indices.includes(-1) ? undefined : indices;
}

function nameOf(objects: readonly string[], index: number): string {
  return `${objects[index] ?? ""}${index + 1}`;
}
