/** Leads from a node of the graph to its layer. */

import { isSideOpen } from "../../app/side.ts";
import { change } from "../../app/state.ts";

/** Shows a layer; where the network covers the layers, it makes way. */
export function choose(address: string): void {
  change({ layer: address, unit: null });
  isSideOpen.value = false;
}
