/** Counts of the values of a map. */

import { valuesOf } from "../activations/span.ts";
import type { MapView } from "../activations/tensors.ts";

export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly counts: readonly number[];
  readonly notFinite: number;
}

/** Bins of equal width from the least to the largest finite value; one bin where all are the same, null without any. */
export function histogramOf(map: MapView, bins: number): Histogram | null {
  const values = [...valuesOf(map)];
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return null;
  const min = finite.reduce((least, value) => Math.min(least, value));
  const max = finite.reduce((most, value) => Math.max(most, value));
  const counts = new Array<number>(max > min ? bins : 1).fill(0);
  for (const value of finite) {
    const bin = max > min ? Math.min(Math.floor(((value - min) / (max - min)) * bins), bins - 1) : 0;
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { min, max, counts, notFinite: values.length - finite.length };
}

/** The bin that a value lies in. */
export function binOf({ min, max, counts }: Histogram, value: number): number {
  return max > min ? Math.min(Math.floor(((value - min) / (max - min)) * counts.length), counts.length - 1) : 0;
}
