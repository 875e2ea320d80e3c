/** Edits of a request for a few layers only. */

import type { Edit } from "./edit.ts";

interface Row {
  readonly address: string;
  readonly shape: readonly number[];
}

/** What is asked for beside the layers that are wanted. */
export interface Beside {
  readonly layers: readonly string[];
  readonly slice: Readonly<Record<string, string>>;
}

/**
 * The service refuses an edit that reaches none of the layers asked for. Each of these asks for one value of what it
 * edits, beside what is wanted, so that it always reaches something.
 */
export function beside(edits: readonly Edit[], wanted: readonly string[], rows: readonly Row[]): Beside {
  const addresses = [...new Set(edits.map((edit) => edit.at))].filter((at) => !wanted.includes(at));
  const shapes = new Map(rows.map(({ address, shape }) => [address, shape]));
  const slices = addresses.flatMap((at) => {
    const shape = shapes.get(at);
    return shape === undefined ? [] : [[at, shape.map(() => "0:1").join(", ")] as const];
  });
  return { layers: addresses, slice: Object.fromEntries(slices) };
}
