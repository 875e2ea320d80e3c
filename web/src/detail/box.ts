/** Boxes that the service names: along each axis, the first position and the one past the last. */

import { kindOf } from "../activations/kind.ts";

/** Shares of a map's height and width. */
export interface Outline {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

type Box = readonly (readonly number[])[];

/** The part of a unit's map that lies in the box; null where none does. */
export function outlineOf(shape: readonly number[], unit: number, box: Box): Outline | null {
  const kind = kindOf(shape);
  if (kind.kind !== "maps" || box.length !== shape.length) return null;
  const [channel, plane] = [Math.floor(unit / kind.depth), unit % kind.depth];
  const [rows, columns, channels] = box.slice(-3) as [readonly number[], readonly number[], readonly number[]];
  const depth = shape.length === 5 ? (box[1] ?? []) : [0, 1];
  if (!holds(channels, channel) || !holds(depth, plane)) return null;
  const [[top = 0, bottom = 0], [left = 0, right = 0]] = [rows, columns];
  if (bottom <= top || right <= left) return null;
  return {
    top: top / kind.height,
    left: left / kind.width,
    height: (bottom - top) / kind.height,
    width: (right - left) / kind.width,
  };
}

function holds([first = 0, past = 0]: readonly number[], place: number): boolean {
  return first <= place && place < past;
}

/** The box without its batch, as slices: `3:6, 7:10, 0:3`. */
export function rangeText(box: Box): string {
  return box
    .slice(1)
    .map((range) => (Number(range[1]) - Number(range[0]) === 1 ? range[0] : range.join(":")))
    .join(", ");
}
