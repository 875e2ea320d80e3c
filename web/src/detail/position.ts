/** Places in the map of a unit, and the elements of the tensor that lie there. */

import { kindOf } from "../activations/kind.ts";
import { valuesOf } from "../activations/span.ts";
import type { MapView } from "../activations/tensors.ts";

/** A row and a column of a map, from its top left corner. A vector and a channel of a sequence have one row. */
export interface Position {
  readonly row: number;
  readonly column: number;
}

type Sizes = Pick<MapView, "height" | "width">;

/** How many maps or channels a layer has; 1 for a vector, which is shown as one row. */
export function unitsOf(shape: readonly number[]): number {
  const kind = kindOf(shape);
  if (kind.kind === "maps") return kind.count;
  return kind.kind === "sequence" ? kind.channels : 1;
}

/** NumPy's index over all axes, the batch first, of a place in the map of a unit. */
export function indexOf(shape: readonly number[], unit: number, { row, column }: Position): readonly number[] {
  const kind = kindOf(shape);
  if (kind.kind === "sequence") return [0, column, unit];
  if (kind.kind === "vector") return [0, ...unravelled(shape.slice(1), column)];
  const [channel, plane] = [Math.floor(unit / kind.depth), unit % kind.depth];
  return shape.length === 5 ? [0, plane, row, column, channel] : [0, row, column, channel];
}

/** The place of the `at`th value of an array of this shape in C order, along each axis. */
function unravelled(axes: readonly number[], at: number): number[] {
  let rest = at;
  return axes
    .slice()
    .reverse()
    .map((size) => {
      const place = rest % size;
      rest = Math.floor(rest / size);
      return place;
    })
    .reverse();
}

/** What the address says of a place, `5,7`; null where it is none of this map. */
export function positionIn(written: string | null, { height, width }: Sizes): Position | null {
  const [, row, column] = /^(\d{1,6}),(\d{1,6})$/.exec(written ?? "") ?? [];
  if (row === undefined || column === undefined || Number(row) >= height || Number(column) >= width) return null;
  return { row: Number(row), column: Number(column) };
}

export function written({ row, column }: Position): string {
  return `${row},${column}`;
}

/** The place of the largest finite value, the first of equal ones; the first place where there is none. */
export function largestPosition(view: MapView): Position {
  let [at, best, place] = [0, Number.NEGATIVE_INFINITY, 0];
  for (const value of valuesOf(view)) {
    if (value > best && value !== Number.POSITIVE_INFINITY) [best, place] = [value, at];
    at += 1;
  }
  return { row: Math.floor(place / view.width), column: place % view.width };
}

/** The value at a place of a map. */
export function valueAt({ data, first, rowStride, stride }: MapView, { row, column }: Position): number {
  return Number(data[first + row * rowStride + column * stride]);
}

const BIG_STEP = 10;

/** Where a key leads from a place; null for keys that lead nowhere. Positions stay within the map. */
export function moved(key: string, { row, column }: Position, { height, width }: Sizes): Position | null {
  const ways: Readonly<Record<string, Position>> = {
    ArrowLeft: { row, column: column - 1 },
    ArrowRight: { row, column: column + 1 },
    ArrowUp: { row: row - 1, column },
    ArrowDown: { row: row + 1, column },
    PageUp: { row: row - BIG_STEP, column },
    PageDown: { row: row + BIG_STEP, column },
    Home: { row, column: 0 },
    End: { row, column: width - 1 },
  };
  const to = ways[key];
  return to === undefined ? null : { row: within(to.row, height), column: within(to.column, width) };
}

function within(place: number, size: number): number {
  return Math.min(Math.max(place, 0), size - 1);
}
