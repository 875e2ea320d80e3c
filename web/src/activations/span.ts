/** The values that the colours of a map span. */

import type { TypedArray } from "layerscope";
import type { MapView } from "./tensors.ts";

export type SpanOf = "symmetric" | "layer" | "map";
/** From the value of the first colour to that of the last. */
export type Span = readonly [low: number, high: number];

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The span by what it follows: a layer's range, a map's own, or the layer's, as far below zero as above. */
export function spanOf(kind: SpanOf, layer: Range, map: () => Range): Span {
  const range = kind === "map" ? map() : layer;
  if (kind !== "symmetric") return [range.min, range.max];
  const far = Math.max(Math.abs(range.min), Math.abs(range.max));
  return [-far, far];
}

/** The least and the largest finite value; 0 to 0 where there is none. */
export function rangeOf(view: MapView): Range {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of valuesOf(view)) {
    if (value < min && value !== Number.NEGATIVE_INFINITY) min = value;
    if (value > max && value !== Number.POSITIVE_INFINITY) max = value;
  }
  return min <= max ? { min, max } : { min: 0, max: 0 };
}

/** Whether every value is 0: a map that says nothing about this input. */
export function isSilent(view: MapView): boolean {
  for (const value of valuesOf(view)) {
    if (value !== 0) return false;
  }
  return true;
}

/** The values row by row. */
export function* valuesOf({ data, first, rowStride, stride, height, width }: MapView): Generator<number> {
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) yield Number(data[first + row * rowStride + column * stride]);
  }
}

/** The numbers of the largest values, largest first; NaN is never among them. */
export function largest(values: TypedArray, count: number): number[] {
  const found: number[] = [];
  for (let unit = 0; unit < values.length; unit += 1) {
    const value = Number(values[unit]);
    if (Number.isNaN(value)) continue;
    if (found.length === count && value <= Number(values[found[count - 1] as number])) continue;
    const place = found.findIndex((other) => value > Number(values[other]));
    found.splice(place < 0 ? found.length : place, 0, unit);
    if (found.length > count) found.pop();
  }
  return found;
}
