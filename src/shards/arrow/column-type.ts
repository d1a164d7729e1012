/** The Arrow types that shards are made of; anything else that a file holds is "other". */
export type ColumnType =
  | { readonly kind: "utf8" | "int32" | "float32" | "large_binary" }
  | { readonly kind: "list"; readonly item: Column }
  | { readonly kind: "fixed_size_list"; readonly size: number; readonly item: Column }
  | { readonly kind: "struct"; readonly columns: readonly Column[] }
  | { readonly kind: "other"; readonly typeName: string };

export interface Column {
  readonly name: string;
  readonly nullable: boolean;
  readonly type: ColumnType;
}

/** A type as text, such as "list<item: struct<id: utf8, label: utf8?>>". */
function describeType(type: ColumnType): string {
  switch (type.kind) {
    case "list":
      return `list<${describeColumn(type.item)}>`;
    case "fixed_size_list":
      return `fixed_size_list<${describeColumn(type.item)}, ${type.size}>`;
    case "struct":
      return `struct<${type.columns.map((column) => describeColumn(column)).join(", ")}>`;
    case "other":
      return type.typeName;
    case "utf8":
    case "int32":
    case "float32":
    case "large_binary":
      return type.kind;
  }
}

function describeColumn(column: Column): string {
  return `${column.name}: ${describeType(column.type)}${column.nullable ? "?" : ""}`;
}

function isSame(found: Column, wanted: Column): boolean {
  return (
    found.name === wanted.name &&
    found.nullable === wanted.nullable &&
    isSameType(found.type, wanted.type)
  );
}

function isSameType(found: ColumnType, wanted: ColumnType): boolean {
  if (found.kind === "list" && wanted.kind === "list") return isSame(found.item, wanted.item);
  if (found.kind === "fixed_size_list" && wanted.kind === "fixed_size_list") {
    return found.size === wanted.size && isSame(found.item, wanted.item);
  }
  if (found.kind === "struct" && wanted.kind === "struct") {
    const columns = wanted.columns;
    return (
      found.columns.length === columns.length &&
      found.columns.every((column, index) => {
        const other = columns[index];
        return other !== undefined && isSame(column, other);
      })
    );
  }
  return found.kind === wanted.kind && found.kind !== "other";
}

/** What first differs between the columns that a file has and those expected, or undefined. */
export function columnDifference(
  actual: readonly Column[],
  expected: readonly Column[],
): string | undefined {
  const numColumns = Math.max(actual.length, expected.length);
  for (let index = 0; index < numColumns; index += 1) {
    const [found, wanted] = [actual[index], expected[index]];
    if (found !== undefined && wanted !== undefined && isSame(found, wanted)) continue;
    const foundText = found === undefined ? "nothing" : describeColumn(found);
    const wantedText = wanted === undefined ? "nothing" : describeColumn(wanted);
    if (foundText !== wantedText) {
      return `column ${index} is "${foundText}", expected "${wantedText}"`;
    }
  }
  return undefined;
}
