import {
  Field,
  type DataType,
  FixedSizeList,
  Float32,
  Int32,
  LargeBinary,
  List,
  Schema,
  Struct,
  Utf8,
} from "apache-arrow";
import type { Column, ColumnType } from "./column-type.ts";

/** Columns as a schema of apache-arrow, with the file's custom metadata. */
export function arrowSchema(
  columns: readonly Column[],
  metadata: ReadonlyMap<string, string>,
): Schema {
  return new Schema(
    columns.map((column) => arrowField(column)),
    new Map(metadata),
  );
}

function arrowField(column: Column): Field {
  return new Field(column.name, arrowType(column.type), column.nullable);
}

function arrowType(type: ColumnType): DataType {
  switch (type.kind) {
    case "utf8":
      return new Utf8();
    case "int32":
      return new Int32();
    case "float32":
      return new Float32();
    case "large_binary":
      return new LargeBinary();
    case "list":
      return new List(arrowField(type.item));
    case "fixed_size_list":
      return new FixedSizeList(type.size, arrowField(type.item));
    case "struct":
      return new Struct(type.columns.map((column) => arrowField(column)));
    case "other":
      throw new TypeError(`no column of type ${type.typeName} is ever written`);
  }
}
