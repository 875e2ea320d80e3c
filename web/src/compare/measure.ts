/** The relative difference of each layer, as a colour of the graph. */

import { computed } from "@preact/signals";
import { measures } from "../network/measures.ts";
import { figure } from "../text/figures.ts";
import { comparison } from "./comparison.ts";
import { numberOf } from "./relative.ts";

const relative = computed(() => {
  const rows = comparison.value.value?.reply.layers ?? [];
  return new Map(rows.map((row) => [row.address, numberOf(row.rel_l2)]));
});

export function addDifference(): void {
  const difference = { of: (address: string) => relative.value.get(address) ?? null, written: figure };
  measures.value = { ...measures.value, difference };
}
