import { isBuiltin } from "node:module";
import { type Expression, type Argument, parseSync, Visitor } from "oxc-parser";

/** One mention of another module in a source file, however it is written. */
export interface Link {
  /** What stands between the quotes; undefined when it is computed. */
  readonly specifier: string | undefined;
  /** "eager" links load their module whenever the file is loaded. */
  readonly kind: "eager" | "lazy" | "type";
}

export interface SourceFile {
  /** Path below src/, with forward slashes: "shards/arrow/codec.ts". */
  readonly path: string;
  readonly links: readonly Link[];
  /** Names of other modules' exports that this file exports again, "*" for all of a module. */
  readonly reexports: readonly string[];
  /** Lines that hold more than blanks and comments. */
  readonly numCodeLines: number;
  readonly syntaxErrors: readonly string[];
}

/** Reads what the architecture test needs to know of one TypeScript file; erased types count as links. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text, { lang: "ts", sourceType: "module" });
  const found = new LinkFinder();
  found.visitor.visit(program);
  return {
    path,
    links: found.links,
    reexports: found.reexports(),
    numCodeLines: countCodeLines(text, comments),
    syntaxErrors: errors.map((error) => error.message),
  };
}

/** The package of a specifier ("@scope/name" or "name"), or undefined for paths and Node's own modules. */
export function packageOf(specifier: string): string | undefined {
  if (/^[./#]/.test(specifier) || isBuiltin(specifier)) return undefined;
  return specifier.startsWith("@")
    ? specifier.split("/").slice(0, 2).join("/")
    : specifier.split("/")[0];
}

class LinkFinder {
  readonly links: Link[] = [];
  readonly #imported = new Set<string>();
  readonly #exported: string[] = [];
  readonly #requireNames = new Set(["require"]);
  readonly #calls: { readonly callee: Expression; readonly specifier: string | undefined }[] = [];

  readonly visitor = new Visitor({
    ImportDeclaration: (node) => {
      const isType = node.importKind === "type";
      this.#add(node.source.value, isType ? "type" : "eager");
      for (const specifier of node.specifiers) this.#imported.add(specifier.local.name);
    },
    ExportAllDeclaration: (node) => {
      this.#add(node.source.value, node.exportKind === "type" ? "type" : "eager");
      this.#exported.push("*");
    },
    ExportNamedDeclaration: (node) => {
      if (node.source !== null)
        this.#add(node.source.value, node.exportKind === "type" ? "type" : "eager");
      for (const { local } of node.specifiers) {
        const name = local.type === "Literal" ? local.value : local.name;
        if (node.source !== null) this.#imported.add(name);
        this.#exported.push(name);
      }
    },
    ExportDefaultDeclaration: (node) => {
      if (node.declaration.type === "Identifier") this.#exported.push(node.declaration.name);
    },
    ImportExpression: (node) => this.#add(literal(node.source), "lazy"),
    TSImportType: (node) => this.#add(literal(node.source), "type"),
    TSImportEqualsDeclaration: (node) => {
      if (node.moduleReference.type === "TSExternalModuleReference")
        this.#add(node.moduleReference.expression.value, "eager");
    },
    VariableDeclarator: (node) => {
      // const require = createRequire(import.meta.url)
      if (node.init?.type !== "CallExpression" || node.id.type !== "Identifier") return;
      if (lastName(node.init.callee) === "createRequire") this.#requireNames.add(node.id.name);
    },
    CallExpression: (node) => {
      this.#calls.push({ callee: node.callee, specifier: literal(node.arguments[0]) });
    },
    NewExpression: (node) => {
      // new URL("./worker.ts", import.meta.url): a file beside this one
      if (lastName(node.callee) !== "URL" || node.arguments.length !== 2) return;
      const specifier = literal(node.arguments[0]);
      if (specifier === undefined || /\.[cm]?[jt]sx?$/.test(specifier))
        this.#add(specifier, "lazy");
    },
    "Program:exit": () => {
      for (const { callee, specifier } of this.#calls)
        if (this.#loads(callee)) this.#add(specifier, "lazy");
    },
  });

  /** Imported names that are exported again, directly or through a local name. */
  reexports(): string[] {
    return this.#exported.filter((name) => name === "*" || this.#imported.has(name));
  }

  #add(specifier: string | undefined, kind: Link["kind"]): void {
    this.links.push({ specifier, kind });
  }

  /** Whether a call of `callee` loads or finds a module: require(…), require.resolve(…), createRequire(…)(…), import.meta.resolve(…). */
  #loads(callee: Expression): boolean {
    if (callee.type === "Identifier") return this.#requireNames.has(callee.name);
    if (callee.type === "CallExpression") return lastName(callee.callee) === "createRequire";
    if (callee.type !== "MemberExpression" || lastName(callee) !== "resolve") return false;
    return callee.object.type === "MetaProperty" || this.#loads(callee.object);
  }
}

/** The `c` of `c` and of `a.b.c`. */
function lastName(callee: Expression): string | undefined {
  if (callee.type === "Identifier") return callee.name;
  if (callee.type !== "MemberExpression" || callee.computed) return undefined;
  return callee.property.type === "Identifier" ? callee.property.name : undefined;
}

/** The string that `node` spells; of `./worker.${extension}` the file's name as it is in the sources. */
function literal(node: Argument | undefined): string | undefined {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type !== "TemplateLiteral") return undefined;
  const [first, ...rest] = node.quasis.map((quasi) => quasi.value.cooked ?? "");
  if (rest.length === 0) return first;
  const isExtension =
    rest.join("") === "" && rest.length === 1 && /^\.[\w./-]+\.$/.test(first ?? "");
  return isExtension ? `${first}ts` : undefined;
}

function countCodeLines(
  text: string,
  comments: readonly { readonly start: number; readonly end: number }[],
): number {
  let code = text;
  for (const { start, end } of comments.toReversed())
    code = code.slice(0, start) + code.slice(start, end).replace(/[^\n]/g, " ") + code.slice(end);
  return code.split("\n").filter((line) => line.trim() !== "").length;
}
