/** Keys of the layers in a list that stay with them when they are moved, and when an argument changes. */

import type { Layer } from "./document.ts";

export interface Keyed {
  readonly layers: readonly Layer[];
  readonly keys: readonly number[];
}

export const NONE: Keyed = { layers: [], keys: [] };

/** The same layer keeps its key; so does one in whose place another stands; what is added gets a new one. */
export function keyed(before: Keyed, layers: readonly Layer[]): Keyed {
  if (before.layers === layers) return before;
  const known = new Map(before.layers.map((layer, at) => [layer, before.keys[at] as number]));
  const kept = new Set(layers);
  let next = Math.max(-1, ...before.keys);
  const used = new Set<number>();
  const keys = layers.map((layer, at) => {
    const replaced = before.layers[at];
    const old = known.get(layer) ?? (replaced && !kept.has(replaced) ? known.get(replaced) : undefined);
    next += 1;
    const key = old === undefined || used.has(old) ? next : old;
    used.add(key);
    return key;
  });
  return { layers, keys };
}
