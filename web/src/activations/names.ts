/** What a map or a unit of a layer is called. */

import { text } from "../text/text.ts";
import { kindOf } from "./kind.ts";
import type { LayerRow } from "./run.ts";

/** The name of a unit: its label where the model has some for this layer, else its number. */
export function nameOf(row: Pick<LayerRow, "labels" | "shape">, unit: number): string {
  const kind = kindOf(row.shape);
  const depth = kind.kind === "maps" ? kind.depth : 1;
  const label = row.labels?.[Math.floor(unit / depth)];
  const place = depth > 1 ? ` · ${unit % depth}` : "";
  if (label !== undefined) return label + place;
  const words = text.value.activations;
  return (kind.kind === "maps" ? words.map(Math.floor(unit / depth)) : words.unit(unit)) + place;
}
