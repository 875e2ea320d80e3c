/** Draws many values as bars on a baseline. */

import type { TypedArray } from "layerscope";

/** Where there are more values than pixels, each column reaches from the least to the largest value in it. */
export function drawProfile(
  canvas: HTMLCanvasElement,
  values: TypedArray,
  width: number,
  height: number,
  [positive, negative]: readonly [string, string],
): void {
  const scale = devicePixelRatio;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (context === null) return;
  const columns = Math.min(values.length, canvas.width);
  const extremes = Array.from({ length: columns }, (_, column) => extremesOf(values, column, columns));
  const top = Math.max(0, ...extremes.map(([, max]) => max));
  const bottom = Math.min(0, ...extremes.map(([min]) => min));
  const unit = top > bottom ? canvas.height / (top - bottom) : 0;
  const wide = canvas.width / columns;
  const gap = wide >= 3 * scale ? scale : 0;
  extremes.forEach(([min, max], column) => {
    context.fillStyle = positive;
    context.fillRect(column * wide, (top - max) * unit, wide - gap, Math.max(max, 0) * unit);
    context.fillStyle = negative;
    context.fillRect(column * wide, top * unit, wide - gap, -Math.min(min, 0) * unit);
  });
  context.fillStyle = "rgb(128 128 128 / 50%)";
  context.fillRect(0, Math.min(Math.round(top * unit), canvas.height - scale), canvas.width, scale);
}

/** The least and the largest of 0 and the finite values of a column. */
function extremesOf(values: TypedArray, column: number, columns: number): readonly [number, number] {
  const from = Math.floor((column * values.length) / columns);
  const to = Math.max(Math.floor(((column + 1) * values.length) / columns), from + 1);
  let [min, max] = [0, 0];
  for (let at = from; at < to; at += 1) {
    const value = Number(values[at]);
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return [min, max];
}
