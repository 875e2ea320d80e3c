/** One number for each layer, and the colour that its node gets by it. */

import { computed, signal } from "@preact/signals";
import { css, ENTRIES, tableOf } from "../activations/colours.ts";
import { rows } from "../activations/run.ts";
import { state } from "../app/state.ts";
import { isDark } from "../app/theme.ts";
import { bytes, count, seconds, share } from "../text/figures.ts";
import { network } from "./network.ts";

export interface Measure {
  /** The number of a layer; null where it has none. */
  of(address: string): number | null;
  written(value: number): string;
}

const planned = computed(() => new Map(network.value.value?.plan.layers.map((row) => [row.address, row]) ?? []));

/** By name. Panels add their own, such as a difference or an attribution. */
export const measures = signal<Readonly<Record<string, Measure>>>({
  parameters: { of: (address) => planned.value.get(address)?.parameters ?? null, written: count },
  bytes: { of: (address) => planned.value.get(address)?.bytes ?? null, written: bytes },
  macs: { of: (address) => planned.value.get(address)?.macs ?? null, written: count },
  seconds: { of: (address) => planned.value.get(address)?.seconds ?? null, written: seconds },
  zeros: { of: (address) => rows.value.get(address)?.stats?.zeros ?? null, written: share },
});

export const measure = computed(() => measures.value[state.value.measure ?? ""] ?? null);

/** The largest finite number of any layer, which has the last colour, as an infinity has. */
export const largestMeasure = computed(() => {
  const values = [...planned.value.keys()].map((address) => measure.value?.of(address) ?? 0);
  return Math.max(0, ...values.filter(Number.isFinite));
});

/** The colour of a layer's node; undefined where no number is chosen, or the layer has none. */
export const nodeColour = computed(() => {
  const [chosen, largest, dark] = [measure.value, largestMeasure.value, isDark.value];
  return (address: string): string | undefined => {
    const value = chosen?.of(address) ?? null;
    if (value === Number.POSITIVE_INFINITY) return scaleColour(1, dark);
    return value === null ? undefined : scaleColour(largest > 0 ? value / largest : 0, dark);
  };
});

/** The colour of a share of the largest: from the ground to the dark end of the blues. */
export function scaleColour(part: number, dark: boolean): string {
  const table = tableOf("balance", dark);
  return css(table[Math.round((1 - Math.min(Math.max(part, 0), 1)) * (ENTRIES / 2 - 1))] as number);
}
