/** Edits as the service takes them: what becomes of the tensors of a run on the way. */

import { kindOf } from "../activations/kind.ts";

/** `at` is an address or a selector, beside it an operation: `zero`, `scale`, `add` and so on. */
export interface Edit {
  readonly at: string;
  /** Of the last axis; left out, all of them. */
  readonly channels?: readonly number[];
  readonly [member: string]: unknown;
}

/** The operations that the page writes, each with a number but the first. */
export const OPERATIONS = ["zero", "scale", "add", "set"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** The service takes no more in one request. */
export const MOST = 64;
const PLACES = new Set(["at", "channels", "slice"]);

/** An edit of a whole layer, or of some of its channels. */
export function edited(at: string, channels: readonly number[] | null, operation: Operation, value: number): Edit {
  const of = channels === null ? {} : { channels };
  return { at, ...of, [operation]: operation === "zero" ? true : value };
}

/** The name of an edit's operation; null where it has none. */
export function operationOf(edit: Edit): string | null {
  return Object.keys(edit).find((member) => !PLACES.has(member)) ?? null;
}

/** Whether an edit of these switches a channel of a layer off, alone or with the whole layer. */
export function isOff(edits: readonly Edit[], at: string, channel: number): boolean {
  return edits.some((edit) => edit.at === at && isZero(edit) && (edit.channels?.includes(channel) ?? true));
}

/** Switches a channel off, or on again where an edit of it alone or with others switches it off. */
export function toggled(edits: readonly Edit[], at: string, channel: number): readonly Edit[] {
  const place = edits.findIndex((edit) => edit.at === at && isZero(edit) && edit.channels !== undefined);
  const known = edits[place]?.channels;
  if (known === undefined) return [...edits, edited(at, [channel], "zero", 0)];
  const others = known.filter((one) => one !== channel);
  const left = others.length < known.length ? others : [...known, channel].sort((one, other) => one - other);
  if (left.length === 0) return without(edits, place);
  return edits.map((edit, number) => (number === place ? edited(at, left, "zero", 0) : edit));
}

/** All edits but one. */
export function without(edits: readonly Edit[], place: number): readonly Edit[] {
  return edits.filter((_, number) => number !== place);
}

/** Whether an edit of these switches a whole layer off, so that its channels cannot be switched on one by one. */
export function isWholeOff(edits: readonly Edit[], at: string): boolean {
  return edits.some((edit) => edit.at === at && isZero(edit) && edit.channels === undefined);
}

/** The channel, along the last axis, of a unit as `kind.ts` counts them: of maps, of a sequence, or of all values. */
export function channelOf(shape: readonly number[], unit: number): number {
  const kind = kindOf(shape);
  return kind.kind === "maps" ? Math.floor(unit / kind.depth) : unit % (shape[shape.length - 1] ?? 1);
}

function isZero(edit: Edit): boolean {
  return edit["zero"] === true && edit["slice"] === undefined;
}
