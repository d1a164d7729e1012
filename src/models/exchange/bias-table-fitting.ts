import { resizedBiasTable } from "../swin/bias-tables.ts";
import type { ShapeFitting } from "./import-weights.ts";

const TABLE = /\.relative_position_bias_table$/;

/** Takes a Swin's tables of relative positions for windows of another size, by bicubic interpolation. */
export const biasTableFitting: ShapeFitting = {
  fits: ({ name, shape: [rows, heads] }, [theirRows, theirHeads]) =>
    TABLE.test(name) && heads === theirHeads && [rows, theirRows].every(isTableOfWindow),
  fit: ({ shape: [rows = 0, heads = 0], values }, [theirRows = 0]) =>
    resizedBiasTable(values, { heads, from: windowSideOf(theirRows), to: windowSideOf(rows) }),
};

function isTableOfWindow(rows: number | undefined): boolean {
  return rows !== undefined && Number.isInteger(windowSideOf(rows));
}

/** A window of side w has (2 w - 1)^2 relative positions. */
function windowSideOf(rows: number): number {
  return (Math.sqrt(rows) + 1) / 2;
}
