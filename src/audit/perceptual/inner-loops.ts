import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A compiled loop: its operands are numbers and places in memory, what it gives is a number. */
export type InnerLoop = (...operands: readonly number[]) => number;

const compiled = new Map<string, WebAssembly.Module>();

/**
 * The loops of `native/<name>.wasm` over `memory`, by name.
 *
 * Throws Error for a name that the compiled file lacks: it is not this version's.
 */
export function innerLoops(
  name: "pdq" | "hamming" | "alignment",
  memory: WebAssembly.Memory,
): (loop: string) => InnerLoop {
  const { exports } = new WebAssembly.Instance(compiledModule(name), { env: { memory } });
  return (loop) => {
    const found = exports[loop];
    if (typeof found === "function") return (...operands) => Number(found(...operands));
    throw new Error(`native/${name}.wasm has no ${loop}; it is not this version's`);
  };
}

function compiledModule(name: string): WebAssembly.Module {
  const known = compiled.get(name);
  if (known !== undefined) return known;
  const path = join(import.meta.dirname, `../../../native/${name}.wasm`);
  const module = new WebAssembly.Module(readFileSync(path));
  compiled.set(name, module);
  return module;
}
