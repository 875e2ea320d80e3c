/** What is looked at, for those that show it: a step from one map to the next draws only those two anew. */

import { useComputed } from "@preact/signals";
import { state } from "./state.ts";

/** Whether a layer, or one unit of it, is what is looked at. */
export function useChosen(address: string, unit?: number): boolean {
  const isChosen = useComputed(() => {
    const { layer, unit: chosen } = state.value;
    return layer === address && (unit === undefined || unit === chosen);
  });
  return isChosen.value;
}

/** The unit of a layer that is looked at; null for none of this layer. */
export function useChosenUnit(address: string): number | null {
  return useComputed(() => (state.value.layer === address ? state.value.unit : null)).value;
}
