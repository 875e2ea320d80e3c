/** The window of a convolution, put together again from the terms of its sum. */

import type { Step, Term } from "./arithmetic.ts";
import { numberOf } from "./terms.ts";

export interface Window {
  /** The channel that is read. */
  readonly channel: number;
  /** What its terms come to. */
  readonly sum: number;
  /** Row by row; null where the window lies in the padding, or a term is not listed. */
  readonly cells: readonly (readonly (Term | null)[])[];
}

const AXES = 4;

/** One window for each channel that is read, those that contribute most first; empty where the sum is no window. */
export function windowsOf({ terms }: Step): readonly Window[] {
  const isWindow = terms.every(
    (term) => term.index.length === AXES && term.weight !== null && term.name === terms[0]?.name,
  );
  const [rows, columns] = [places(terms, 1), places(terms, 2)];
  if (!isWindow || rows.length * columns.length < 2) return [];
  const byChannel = new Map<number, Term[]>();
  for (const term of terms) {
    const channel = term.index[3] ?? 0;
    byChannel.set(channel, [...(byChannel.get(channel) ?? []), term]);
  }
  const windows = [...byChannel].map(([channel, own]): Window => {
    const sum = own.reduce((total, term) => total + numberOf(term.product), 0);
    const at = (row: number, column: number) =>
      own.find(({ index }) => index[1] === row && index[2] === column) ?? null;
    return { channel, sum, cells: rows.map((row) => columns.map((column) => at(row, column))) };
  });
  return windows.sort((one, other) => Math.abs(other.sum) - Math.abs(one.sum));
}

/** The places along an axis, in order; a dilated window leaves some out. */
function places(terms: readonly Term[], axis: number): readonly number[] {
  return [...new Set(terms.map((term) => term.index[axis] ?? 0))].sort((one, other) => one - other);
}
