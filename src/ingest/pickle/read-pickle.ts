import { SourceError } from "../../core/errors.ts";
import { requirePlainTree } from "./plain-tree.ts";
import { PickleBytes, PickleFault } from "./pickle-bytes.ts";
import { operationOf } from "./pickle-operations.ts";
import { plainOpcodes, refusedOpcodes } from "./pickle-opcodes.ts";
import { PickleStack } from "./pickle-stack.ts";

/** RefCOCOg's, the largest of them, is a tenth of this. */
const MAX_PICKLE_BYTES = 2 ** 27;
/** In all; the three official files have fewer than a quarter of this each. */
const MAX_PICKLE_VALUES = 2 ** 24;

/**
 * Reads a pickle of any protocol (0 to 5) as the plain data it holds, in the form that JSON.parse gives:
 * lists and tuples as lists, dicts as objects, numbers, texts, booleans and null. Nothing is ever called or built:
 * an opcode that names a class or a function is refused. A Python 2 str, and bytes, are read as
 * Latin-1; whole numbers beyond 2^53 become the nearest number, as in JSON. Cyclic data, data of which
 * little is written and much is read (by reference), keys that are no texts, sets and
 * bytes after the end are refused as well. Throws SourceError with the byte and the opcode.
 *
 * `file` is only named in the error.
 */
export function readPickle(bytes: Uint8Array, file: string = "the pickle"): unknown {
  try {
    if (bytes.length > MAX_PICKLE_BYTES) {
      throw new PickleFault(`it has ${bytes.length} bytes; up to ${MAX_PICKLE_BYTES} are read`);
    }
    const value = runOperations(new PickleBytes(bytes));
    requirePlainTree(value);
    return value;
  } catch (error) {
    if (!(error instanceof PickleFault)) throw error;
    const record = error.byteOffset === undefined ? undefined : `byte ${error.byteOffset}`;
    const place = record === undefined ? "" : `, at ${record}`;
    throw new SourceError(`${file}: ${error.message}${place}`, {
      file,
      record,
      remedy: "it is damaged or not the official file: download it again",
    });
  }
}

// The package pickleparser (0.2.1) does not do: it takes -1 for 255 (LONG1), leaves the escapes of
// protocol 0 as they are, runs out of stack at lists of 300,000, lets a key be the prototype, makes
// objects of what REDUCE names and bounds nothing.
function runOperations(bytes: PickleBytes): unknown {
  const stack = new PickleStack({ maxValues: MAX_PICKLE_VALUES });
  for (;;) {
    stack.opcodeOffset = bytes.offset;
    const opcode = bytes.uint8();
    if (opcode === plainOpcodes.STOP) break;
    const operation = operationOf.get(opcode);
    if (operation === undefined) throw unknownOpcode(opcode, stack.opcodeOffset);
    operation(stack, bytes);
  }
  const value = stack.result();
  if (bytes.numLeft > 0) {
    throw new PickleFault(`${bytes.numLeft} bytes follow after its end`, bytes.offset);
  }
  return value;
}

function unknownOpcode(opcode: number, offset: number): PickleFault {
  const name = refusedOpcodes.get(opcode);
  const message =
    name === undefined
      ? `0x${opcode.toString(16).padStart(2, "0")} is no opcode of a pickle`
      : `the opcode ${name} is refused: it is not of plain data, and nothing in a file is executed`;
  return new PickleFault(message, offset);
}
