/** Where the maps of a layer stand, and which of them are in view. */

import { GAP, LABEL, type Size } from "./map_size.ts";

export interface Arrangement {
  readonly columns: number;
  readonly width: number;
  readonly height: number;
  readonly count: number;
  readonly cell: Size;
  place(unit: number): { readonly left: number; readonly top: number };
}

/** Maps of a size in lines of at most a width; at least one a line. */
export function arrange(count: number, size: Size, width: number): Arrangement {
  const cell = { width: size.width + GAP, height: size.height + LABEL };
  const columns = Math.max(1, Math.min(count, Math.floor((width + GAP) / cell.width)));
  const lines = Math.ceil(count / columns);
  return {
    columns,
    count,
    cell,
    width: columns * cell.width - GAP,
    height: lines * cell.height,
    place: (unit) => ({ left: (unit % columns) * cell.width, top: Math.floor(unit / columns) * cell.height }),
  };
}

export interface Seen {
  readonly from: number;
  readonly to: number;
}

/** The maps in view: in one line those that are not scrolled away, in several the lines within the window. */
export function visible(arrangement: Arrangement, element: HTMLElement): Seen {
  if (arrangement.columns >= arrangement.count) {
    return between(arrangement, element.scrollLeft / arrangement.cell.width, element.clientWidth, 1);
  }
  const above = -element.getBoundingClientRect().top / arrangement.cell.height;
  return between(arrangement, above, innerHeight, arrangement.columns);
}

/** From a number of cells on, as many as fit into a length, with one more on each side. */
function between({ cell, count }: Arrangement, start: number, length: number, columns: number): Seen {
  const side = columns === 1 ? cell.width : cell.height;
  const first = Math.max(Math.floor(start) - 1, 0);
  const last = Math.max(Math.ceil(start + length / side) + 1, 0);
  return { from: Math.min(first * columns, count), to: Math.min(last * columns, count) };
}
