/** The finite range of a layer's values, from its statistics. */

import type { LayerRow } from "./run.ts";
import type { Range } from "./span.ts";

/** JSON has infinities as text; the colours then span what lies between them. */
export function layerRange(row: Pick<LayerRow, "stats">): Range {
  const [min, max] = [row.stats?.min, row.stats?.max].map((value) => (typeof value === "number" ? value : 0));
  return { min: min ?? 0, max: max ?? 0 };
}
