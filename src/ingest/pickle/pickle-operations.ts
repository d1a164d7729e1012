import type { PickleBytes } from "./pickle-bytes.ts";
import {
  decimalFloat,
  decimalInteger,
  decimalLong,
  rawUnicode,
  stringLiteral,
  twosComplement,
} from "./pickle-literals.ts";
import { type PlainOpcode, plainOpcodes } from "./pickle-opcodes.ts";
import type { PickledDict, PickleStack } from "./pickle-stack.ts";

/** What an opcode does: it reads its arguments and changes the stack. */
export type Operation = (stack: PickleStack, bytes: PickleBytes) => void;

const MAX_PROTOCOL = 5;
/** No integer that a data set holds comes near; a long one would take long to turn into a number. */
const MAX_INTEGER_BYTES = 1024;

// STOP is no operation: it ends the loop over them.
const operations: Readonly<Record<Exclude<PlainOpcode, "STOP">, Operation>> = {
  PROTO: (stack, bytes) => {
    const protocol = bytes.uint8();
    if (protocol > MAX_PROTOCOL) throw stack.fault(`protocol ${protocol} is not known`);
  },
  FRAME: (_, bytes) => bytes.beginFrame(bytes.uint64()),

  NONE: (stack) => stack.push(null),
  NEWTRUE: (stack) => stack.push(true),
  NEWFALSE: (stack) => stack.push(false),
  INT: (stack, bytes) => {
    const line = bytes.line();
    if (line === "00" || line === "01") stack.push(line === "01");
    else stack.push(required(stack, decimalInteger(line), "an integer"));
  },
  LONG: (stack, bytes) => stack.push(required(stack, decimalLong(bytes.line()), "an integer")),
  BININT: (stack, bytes) => stack.push(bytes.int32()),
  BININT1: (stack, bytes) => stack.push(bytes.uint8()),
  BININT2: (stack, bytes) => stack.push(bytes.uint16()),
  LONG1: (stack, bytes) => stack.push(twosComplement(bytes.take(bytes.uint8()))),
  LONG4: (stack, bytes) => {
    const numBytes = bytes.int32();
    if (numBytes > MAX_INTEGER_BYTES) throw stack.fault(`an integer has ${numBytes} bytes`);
    stack.push(twosComplement(bytes.take(numBytes)));
  },
  FLOAT: (stack, bytes) => stack.push(required(stack, decimalFloat(bytes.line()), "a float")),
  BINFLOAT: (stack, bytes) => stack.push(bytes.float64()),

  // A Python 2 str is bytes, which are read as Latin-1; the same holds for the bytes of Python 3.
  STRING: (stack, bytes) => stack.push(required(stack, stringLiteral(bytes.line()), "a string")),
  BINSTRING: (stack, bytes) => stack.push(bytes.latin1(bytes.int32())),
  SHORT_BINSTRING: (stack, bytes) => stack.push(bytes.latin1(bytes.uint8())),
  BINBYTES: (stack, bytes) => stack.push(bytes.latin1(bytes.uint32())),
  SHORT_BINBYTES: (stack, bytes) => stack.push(bytes.latin1(bytes.uint8())),
  BINBYTES8: (stack, bytes) => stack.push(bytes.latin1(bytes.uint64())),
  UNICODE: (stack, bytes) => stack.push(required(stack, rawUnicode(bytes.line()), "a text")),
  BINUNICODE: (stack, bytes) => stack.push(bytes.utf8(bytes.uint32())),
  SHORT_BINUNICODE: (stack, bytes) => stack.push(bytes.utf8(bytes.uint8())),
  BINUNICODE8: (stack, bytes) => stack.push(bytes.utf8(bytes.uint64())),

  EMPTY_LIST: (stack) => stack.push([]),
  LIST: (stack) => stack.push(stack.popToMark()),
  APPEND: (stack) => {
    const value = stack.pop();
    stack.topList().push(value);
  },
  APPENDS: (stack) => {
    const values = stack.popToMark();
    const list = stack.topList();
    for (const value of values) list.push(value);
  },
  EMPTY_TUPLE: (stack) => stack.push([]),
  TUPLE: (stack) => stack.push(stack.popToMark()),
  TUPLE1: (stack) => stack.push([stack.pop()]),
  TUPLE2: (stack) => {
    const second = stack.pop();
    stack.push([stack.pop(), second]);
  },
  TUPLE3: (stack) => {
    const third = stack.pop();
    const second = stack.pop();
    stack.push([stack.pop(), second, third]);
  },
  EMPTY_DICT: (stack) => stack.push({}),
  DICT: (stack) => {
    const dict: PickledDict = {};
    setItems(stack, dict, stack.popToMark());
    stack.push(dict);
  },
  SETITEM: (stack) => {
    const value = stack.pop();
    const key = stack.pop();
    setItem(stack, stack.topDict(), { key, value });
  },
  SETITEMS: (stack) => {
    const items = stack.popToMark();
    setItems(stack, stack.topDict(), items);
  },

  MARK: (stack) => stack.mark(),
  POP: (stack) => stack.popValueOrMark(),
  POP_MARK: (stack) => {
    stack.popToMark();
  },
  DUP: (stack) => stack.push(stack.top()),
  PUT: (stack, bytes) => stack.put(bytes.index()),
  BINPUT: (stack, bytes) => stack.put(bytes.uint8()),
  LONG_BINPUT: (stack, bytes) => stack.put(bytes.uint32()),
  MEMOIZE: (stack) => stack.memoize(),
  GET: (stack, bytes) => stack.get(bytes.index()),
  BINGET: (stack, bytes) => stack.get(bytes.uint8()),
  LONG_BINGET: (stack, bytes) => stack.get(bytes.uint32()),
};

/** The operation of each byte that is a plain opcode. */
export const operationOf: ReadonlyMap<number, Operation> = new Map(
  Object.entries(plainOpcodes).flatMap(([name, code]) => {
    const operation = Object.entries(operations).find(([known]) => known === name)?.[1];
    return operation === undefined ? [] : [[code, operation] as const];
  }),
);

function required<Value>(stack: PickleStack, value: Value | undefined, what: string): Value {
  if (value === undefined) throw stack.fault(`${what} is misspelt`);
  return value;
}

function setItems(stack: PickleStack, dict: PickledDict, items: readonly unknown[]): void {
  if (items.length % 2 !== 0) throw stack.fault("a key has no value");
  for (let at = 0; at < items.length; at += 2) {
    setItem(stack, dict, { key: items[at], value: items[at + 1] });
  }
}

function setItem(
  stack: PickleStack,
  dict: PickledDict,
  { key, value }: { readonly key: unknown; readonly value: unknown },
): void {
  if (typeof key !== "string") throw stack.fault("a key is no text");
  if (Object.hasOwn(dict, key)) {
    throw stack.fault(`a dict has the key ${JSON.stringify(key.slice(0, 40))} twice`);
  }
  // By assignment it would be the object's prototype.
  if (key === "__proto__") {
    Object.defineProperty(dict, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  } else dict[key] = value;
}
