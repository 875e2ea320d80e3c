/** Draws maps on canvases, a pixel for each value; the style sheet enlarges them. */

import { ENTRIES, NOT_FINITE } from "./colours.ts";
import { type Span, valuesOf } from "./span.ts";
import type { MapView } from "./tensors.ts";

/** Draws a map in the colours of a table; what lies outside the span has the first or the last colour. */
export function drawMap(canvas: HTMLCanvasElement, view: MapView, [low, high]: Span, table: Uint32Array): void {
  const image = new ImageData(view.width, view.height);
  const pixels = new Uint32Array(image.data.buffer);
  const factor = high > low ? (ENTRIES - 1) / (high - low) : 0;
  const flat = high > low ? 0 : constantEntry(low);
  let at = 0;
  for (const value of valuesOf(view)) {
    const entry = flat + Math.round(Math.min(Math.max((value - low) * factor, 0), ENTRIES - 1));
    pixels[at] = Number.isFinite(value) ? (table[entry] as number) : NOT_FINITE;
    at += 1;
  }
  show(canvas, image);
}

/** Draws maps as red, green and blue, from the lowest to the highest value of the span. */
export function drawColours(canvas: HTMLCanvasElement, maps: readonly MapView[], [low, high]: Span): void {
  const [{ width, height }] = maps as [MapView];
  const image = new ImageData(width, height);
  image.data.fill(255);
  const factor = high > low ? 255 / (high - low) : 0;
  for (const [channel, map] of maps.slice(0, 3).entries()) {
    let at = channel;
    for (const value of valuesOf(map)) {
      image.data[at] = (value - low) * factor;
      at += 4;
    }
  }
  show(canvas, image);
}

/** Where a whole span is one value: the middle of the table for 0, so that nothing looks like something. */
function constantEntry(value: number): number {
  return value === 0 ? ENTRIES / 2 : 0;
}

function show(canvas: HTMLCanvasElement, image: ImageData): void {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
