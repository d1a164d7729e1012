/** The escapes of one letter in a Python 2 string literal; any other is kept with its backslash. */
const letterEscapes: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ["'", "'"],
  ['"', '"'],
  ["a", "\u0007"],
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
]);

/** What a Python 2 string literal such as 'it\'s' says, each byte as one character; undefined for no literal. */
export function stringLiteral(literal: string): string | undefined {
  const quote = literal[0];
  const isQuoted = literal.length >= 2 && (quote === "'" || quote === '"');
  if (!isQuoted || literal.at(-1) !== quote) return undefined;
  const inner = literal.slice(1, -1);
  const escape = /\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3}|[^x]))/gs;
  if (hasBackslashBeside(inner, escape)) return undefined;
  return inner.replaceAll(escape, (whole, hex?: string, other: string = "") => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    if (/^[0-7]/.test(other)) return String.fromCharCode(Number.parseInt(other, 8) & 0xff);
    return letterEscapes.get(other) ?? whole;
  });
}

const MAX_CODE_POINT = 0x10_ff_ff;

/** Python's raw-unicode-escape: Latin-1 with \uXXXX and \UXXXXXXXX; undefined for a broken escape. */
export function rawUnicode(line: string): string | undefined {
  const escape = /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[^uU]|$)/gs;
  if (hasBackslashBeside(line, escape)) return undefined;
  let isBroken = false;
  const text = line.replaceAll(escape, (whole, short?: string, long?: string) => {
    const digits = short ?? long;
    if (digits === undefined) return whole;
    const codePoint = Number.parseInt(digits, 16);
    if (codePoint <= MAX_CODE_POINT) return String.fromCodePoint(codePoint);
    isBroken = true;
    return whole;
  });
  return isBroken ? undefined : text;
}

// Whether a backslash begins something that is no escape, such as "\x4".
function hasBackslashBeside(text: string, escape: RegExp): boolean {
  return text.replaceAll(escape, "").includes("\\");
}

/** A whole number in decimal ("12", "-5"); beyond 2^53 the nearest number, as in JSON. */
export function decimalInteger(line: string): number | undefined {
  return /^[+-]?(?:0+|[1-9]\d*)$/.test(line) ? positiveZero(Number(line)) : undefined;
}

/** A Python 2 long ("-5L"), or a whole number without the L as Python takes it as well. */
export function decimalLong(line: string): number | undefined {
  return decimalInteger(line.endsWith("L") ? line.slice(0, -1) : line);
}

/** A float as Python prints it: "1.5", "1e+100", "-inf", "nan". */
export function decimalFloat(line: string): number | undefined {
  const special = /^([+-]?)(inf|nan)$/.exec(line);
  if (special !== null) {
    if (special[2] === "nan") return Number.NaN;
    return special[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(line) ? Number(line) : undefined;
}

/** An integer in two's complement, lowest byte first; beyond 2^53 the nearest number. */
export function twosComplement(bytes: Uint8Array): number {
  if (bytes.length === 0) return 0;
  const highestFirst = Buffer.from(bytes.toReversed());
  const unsigned = BigInt(`0x${highestFirst.toString("hex")}`);
  return Number(BigInt.asIntN(bytes.length * 8, unsigned));
}

function positiveZero(value: number): number {
  return value === 0 ? 0 : value;
}
