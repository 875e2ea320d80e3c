/** Which rows of the plan belong to which layer of the document. */

import type { LayerPlan } from "../network.ts";
import type { Layer } from "./document.ts";

const SOURCE = "InputLayer";

/** The last row of each layer in the order of the document; a layer that only declares an input has none. */
export function rowsOfLayers(layers: readonly Layer[], rows: readonly LayerPlan[]): (LayerPlan | undefined)[] {
  const groups = new Map<string, LayerPlan>();
  for (const row of rows) groups.set(nameOf(row.address), row);
  const found = [...groups.values()];
  const computing = layers.filter((layer) => layer["type"] !== SOURCE);
  if (computing.length !== found.length) return layers.map(() => undefined);
  let next = 0;
  return layers.map((layer) => {
    if (layer["type"] === SOURCE) return undefined;
    next += 1;
    return found[next - 1];
  });
}

/** The rows of the layers in a block, with addresses within it; all rows for an empty address. */
export function rowsInside(rows: readonly LayerPlan[], block: string): LayerPlan[] {
  const prefix = block === "" ? "" : `${block}/`;
  return rows
    .filter((row) => row.address.startsWith(prefix))
    .map((row) => ({ ...row, address: row.address.slice(prefix.length) }));
}

/** The layer of an address: `encoder` of `encoder@1/dense`, `lstm` of `lstm#1`. */
function nameOf(address: string): string {
  return address.replace(/[/@#:].*$/s, "");
}
