/** The units that a finding is about, which are marked among the maps of their layer. */

import { computed } from "@preact/signals";
import { rows } from "../activations/run.ts";
import { part } from "../app/state.ts";
import { channelOf } from "../edits/edit.ts";
import { diagnosis } from "./diagnosis.ts";
import { keyOf, unitsOf } from "./findings.ts";

const finding = part("finding");

const marked = computed(() => {
  const all = diagnosis.value.value?.findings ?? [];
  const one = all.find((found) => keyOf(found) === finding.value);
  return one === undefined ? null : { address: one.address, units: new Set(unitsOf(one)) };
});

/** Whether the finding that is looked at is about this map. */
export function isMarked(address: string, unit: number): boolean {
  const shape = rows.value.get(address)?.shape;
  if (marked.value?.address !== address || shape === undefined) return false;
  return marked.value.units.has(channelOf(shape, unit));
}
