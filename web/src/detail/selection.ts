/** The map and the element of it that are looked at. */

import { computed, effect } from "@preact/signals";
import { kindOf } from "../activations/kind.ts";
import { type LayerRow, rows, run } from "../activations/run.ts";
import type { MapView } from "../activations/tensors.ts";
import { noteFailure } from "../app/service.ts";
import { change, part, state } from "../app/state.ts";
import { task } from "../app/task.ts";
import { mapIn, mapOf, sliceOf } from "./own_map.ts";
import { indexOf, largestPosition, type Position, positionIn, unitsOf, written } from "./position.ts";

export interface Selected {
  readonly row: LayerRow;
  /** The number of the map, or of the channel of a sequence; 0 for a vector. */
  readonly unit: number;
}

/** What is selected; null where nothing is, or nothing that this run has. */
export const selected = computed((): Selected | null => {
  const row = rows.value.get(layer.value ?? "");
  if (row === undefined || row.shape.includes(0)) return null;
  const wanted = unit.value ?? 0;
  return { row, unit: wanted < unitsOf(row.shape) ? wanted : 0 };
});
const [layer, unit, place] = [part("layer"), part("unit"), part("element")];

/** Maps that the run has not got whole. */
export const fetched = task<{ readonly of: Selected; readonly map: MapView }>(noteFailure);

/** The map of what is selected; null while it is on its way. */
export const map = computed((): MapView | null => {
  const [now, tensors] = [selected.value, run.value.value?.tensors];
  if (now === null || tensors === undefined) return null;
  const here = mapIn(tensors, now.row.address, now.row.shape, now.unit);
  if (here !== undefined) return here;
  const came = fetched.value.value;
  return came?.of.row === now.row && came.of.unit === now.unit ? came.map : null;
});

/** The place that is looked at: what the address says, else that of the largest value. */
export const position = computed((): Position | null => {
  const [now, view] = [selected.value, map.value];
  if (now === null || view === null) return null;
  const ofVector = isVector(now.row) && unit.value !== null ? `0,${unit.value}` : null;
  return positionIn(ofVector ?? place.value, view) ?? largestPosition(view);
});

/** The index of the element over all axes, the batch first. */
export const index = computed((): readonly number[] | null => {
  const [now, at] = [selected.value, position.value];
  return now === null || at === null ? null : indexOf(now.row.shape, now.unit, at);
});

/** `conv2d[0, 5, 7, 2]`, as the service takes it. */
export const element = computed((): string | null => {
  return selected.value === null || index.value === null
    ? null
    : `${selected.value.row.address}[${index.value.join(", ")}]`;
});

function isVector({ shape }: LayerRow): boolean {
  return kindOf(shape).kind === "vector";
}

/** Looks at another place. In a vector each place is a unit. */
export function goTo(to: Position): void {
  const now = selected.value;
  if (now === null) return;
  const address = now.row.address;
  if (isVector(now.row)) change({ layer: address, unit: to.column, element: null });
  else change({ layer: address, unit: now.unit, element: written(to) });
}

/** Panels that look at the selected value. */
const PANELS: readonly (string | null)[] = ["map", "explain"];

/** Fetches the map where the run has only every so many pixels of it, while such a panel is open. */
export function followSelection(): void {
  const isOpen = computed(() => PANELS.includes(state.value.panel));
  effect(() => {
    const [now, here] = [selected.value, run.value.value];
    if (!isOpen.value || now === null || here === null || map.value !== null) return;
    const { address, shape } = now.row;
    const asked = { ...here.options, layers: [address], slice: sliceOf(shape, now.unit) };
    void fetched.start(async (signal) => {
      const reply = await here.network.model.activations(here.input, { ...asked, signal });
      return { of: now, map: mapOf(shape, reply.get(address).data) };
    });
  });
}
