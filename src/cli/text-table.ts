import { escapeControls } from "../core/text.ts";

/**
 * Rows of cells as aligned lines, columns two spaces apart; a cell that is a number stands on the right.
 * Control characters are spelled out, so that a name cannot break the table.
 */
export function textTable(rows: readonly (readonly (string | number)[])[]): string {
  const printed = rows.map((row) => row.map((cell) => printCell(cell)));
  const widths: number[] = [];
  for (const [column, cell] of printed.flatMap((row) => [...row.entries()])) {
    widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return printed
    .map((row, rowIndex) =>
      row
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return isNumeric(rows, rowIndex, column) ? cell.padStart(width) : cell.padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function printCell(cell: string | number): string {
  return typeof cell === "number" ? cell.toLocaleString("en-US") : escapeControls(cell);
}

// The heading of a column of numbers stands above them.
function isNumeric(
  rows: readonly (readonly (string | number)[])[],
  rowIndex: number,
  column: number,
): boolean {
  const below = rows[Math.max(rowIndex, 1)];
  return typeof below?.[column] === "number";
}
