import { readFile } from "node:fs/promises";

import { sha256 } from "../../core/digest.ts";
import { ConfigError, errnoOf, SourceError } from "../../core/errors.ts";
import { basicTokens, type LetterCase } from "./basic-tokenizer.ts";

/** The ids of the tokens that are no words. */
export interface SpecialTokenIds {
  readonly pad: number;
  readonly unknown: number;
  readonly cls: number;
  readonly separator: number;
  readonly mask: number;
}

export interface TokenizerOptions {
  /** "lower" fits bert-base-uncased and is the default. */
  readonly letterCase?: LetterCase;
}

// Hugging Face's BertTokenizer, which the released systems use. (google-research/bert says 200.)
const MAX_WORD_CHARACTERS = 100;
// Captions of COCO and Visual Genome have about 40,000 words; what is beyond is seldom seen again.
const MAX_KNOWN_WORDS = 65_536;
// A sample's texts are asked for several times in a row: for their length, for equality, and to be masked.
const MAX_KNOWN_TEXTS = 512;

/** BERT's WordPiece tokenizer (greedy, longest piece first). Special tokens in a text are words like any other. */
export class WordPieceTokenizer {
  readonly specials: SpecialTokenIds;
  readonly letterCase: LetterCase;
  readonly #tokens: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;
  /** The pieces of the words met first, as ids. */
  readonly #knownWords = new Map<string, readonly number[]>();
  /** The ids of texts met lately. */
  readonly #knownTexts = new Map<string, readonly number[]>();

  private constructor(tokens: readonly string[], letterCase: LetterCase) {
    this.#tokens = tokens;
    const ids = new Map<string, number>();
    for (let id = 0; id < tokens.length; id += 1) ids.set(tokens[id] ?? "", id);
    if (ids.size < tokens.length) throw duplicateToken(tokens);
    this.#ids = ids;
    this.letterCase = letterCase;
    this.specials = {
      pad: this.id("[PAD]"),
      unknown: this.id("[UNK]"),
      cls: this.id("[CLS]"),
      separator: this.id("[SEP]"),
      mask: this.id("[MASK]"),
    };
  }

  /** A tokenizer whose token ids are the lines' positions; ConfigError when a token stands twice or a special one is missing. */
  static fromVocabulary(
    lines: readonly string[],
    options: TokenizerOptions = {},
  ): WordPieceTokenizer {
    const tokens = lines.map((line) => line.trim());
    if (tokens.at(-1) === "") tokens.pop();
    return new WordPieceTokenizer(tokens, options.letterCase ?? "lower");
  }

  /** Reads a vocab.txt; SourceError when there is none, ConfigError when it is no BERT vocabulary. */
  static async fromFile(path: string, options: TokenizerOptions = {}): Promise<WordPieceTokenizer> {
    try {
      const content = await readFile(path, "utf8");
      return WordPieceTokenizer.fromVocabulary(content.split("\n"), options);
    } catch (error) {
      if (error instanceof ConfigError) throw ofFile(error, path);
      if (errnoOf(error) === undefined) throw error;
      const message = `no vocabulary can be read at ${path} (${errnoOf(error)})`;
      const remedy = "name a vocab.txt with --set data.vocabulary=FILE";
      throw new SourceError(message, { file: path, remedy, cause: error });
    }
  }

  /** SHA-256 of the vocabulary's lines; two tokenizers of one digest and letter case give equal ids. */
  get digest(): string {
    return sha256(this.#tokens.join("\n"));
  }

  /** The number of tokens, special ones included. */
  get size(): number {
    return this.#tokens.length;
  }

  /** The first id after all special and unused ("[…]") tokens; 999, "!", in bert-base-uncased. */
  get firstWordId(): number {
    return 1 + this.#tokens.findLastIndex((token) => /^\[[^\]]+\]$/.test(token));
  }

  /** The id of a token; ConfigError when the vocabulary lacks it. */
  id(token: string): number {
    const id = this.#ids.get(token);
    if (id !== undefined) return id;
    throw new ConfigError(`the vocabulary of ${this.size} tokens has no ${token}`, {
      record: token,
      remedy: "use a BERT vocabulary with [PAD], [UNK], [CLS], [SEP] and [MASK]",
    });
  }

  /** The token of an id; ConfigError outside [0, size). */
  token(id: number): string {
    const token = this.#tokens[id];
    if (token === undefined) throw new ConfigError(`token id ${id} is outside [0, ${this.size})`);
    return token;
  }

  /** Whether a token goes on with the word of the one before it ("##s"). */
  isInsideWord(id: number): boolean {
    return this.#tokens[id]?.startsWith("##") ?? false;
  }

  /** A text's pieces; those inside a word begin with "##". */
  tokenize(text: string): string[] {
    return basicTokens(text, this.letterCase).flatMap((word) => this.#pieces(word));
  }

  /** A text's token ids, without [CLS] and [SEP]. */
  encode(text: string): readonly number[] {
    const known = this.#knownTexts.get(text);
    if (known !== undefined) return known;
    const ids: number[] = [];
    for (const word of basicTokens(text, this.letterCase)) ids.push(...this.#idsOf(word));
    if (this.#knownTexts.size === MAX_KNOWN_TEXTS) this.#knownTexts.clear();
    this.#knownTexts.set(text, ids);
    return ids;
  }

  #idsOf(word: string): readonly number[] {
    const known = this.#knownWords.get(word);
    if (known !== undefined) return known;
    const ids = this.#pieces(word).map((token) => this.#ids.get(token) ?? this.specials.unknown);
    if (this.#knownWords.size < MAX_KNOWN_WORDS) this.#knownWords.set(word, ids);
    return ids;
  }

  #pieces(word: string): string[] {
    const characters = Array.from(word);
    if (characters.length > MAX_WORD_CHARACTERS) return ["[UNK]"];
    const pieces: string[] = [];
    let start = 0;
    while (start < characters.length) {
      const { piece, end } = this.#longestPiece(characters, start);
      if (piece === undefined) return ["[UNK]"];
      pieces.push(piece);
      start = end;
    }
    return pieces;
  }

  #longestPiece(
    characters: readonly string[],
    start: number,
  ): { piece: string | undefined; end: number } {
    for (let end = characters.length; end > start; end -= 1) {
      const piece = (start > 0 ? "##" : "") + characters.slice(start, end).join("");
      if (this.#ids.has(piece)) return { piece, end };
    }
    return { piece: undefined, end: start };
  }
}

function ofFile({ message, record, remedy, cause }: ConfigError, file: string): ConfigError {
  return new ConfigError(`${file}: ${message}`, { file, record, remedy, cause });
}

function duplicateToken(tokens: readonly string[]): ConfigError {
  const second = tokens.findIndex((token, id) => tokens.indexOf(token) < id);
  return new ConfigError(
    `the vocabulary has ${JSON.stringify(tokens[second])} twice, the second time in line ${second + 1}`,
    { record: `line ${second + 1}`, remedy: "give each token one line" },
  );
}
