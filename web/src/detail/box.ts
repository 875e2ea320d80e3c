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

/**
 * The part of a picture that lies in the box; null where none does. The picture is the map of a unit, a sequence with
 * its channels downwards, or a vector as one row.
 */
export function outlineOf(shape: readonly number[], unit: number, box: Box): Outline | null {
  const kind = kindOf(shape);
  if (box.length !== shape.length) return null;
  const [, first = [], second = []] = box;
  if (kind.kind === "sequence") return outline(second, kind.channels, first, kind.steps);
  if (kind.kind === "vector") return shape.length === 2 ? outline([0, 1], 1, first, kind.length) : null;
  const [channel, plane] = [Math.floor(unit / kind.depth), unit % kind.depth];
  const [rows, columns, channels] = box.slice(-3) as [readonly number[], readonly number[], readonly number[]];
  const depth = shape.length === 5 ? (box[1] ?? []) : [0, 1];
  if (!holds(channels, channel) || !holds(depth, plane)) return null;
  return outline(rows, kind.height, columns, kind.width);
}

type Range = readonly number[];

function outline(
  [top = 0, bottom = 0]: Range,
  height: number,
  [left = 0, right = 0]: Range,
  width: number,
): Outline | null {
  if (bottom <= top || right <= left) return null;
  return { top: top / height, left: left / width, height: (bottom - top) / height, width: (right - left) / width };
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
