/** The share of channels of each layer that are 0 everywhere for this input. */

import { effect, signal } from "@preact/signals";
import type { TypedArray } from "layerscope";
import { noteFailure } from "../app/service.ts";
import { state } from "../app/state.ts";
import { measures } from "../network/measures.ts";
import { share } from "../text/figures.ts";
import { type LayerRow, type Run, run } from "./run.ts";

/** As addresses have it. */
const NAME = "dead";
/** The norm over all positions, by the number of axes: 0 where every value is. */
const NORMS: Readonly<Record<number, string>> = { 3: "l2@t", 4: "l2@h,w", 5: "l2@d,h,w" };

const shares = signal<ReadonlyMap<string, number>>(new Map());

/** Adds the share to the measures, and computes it while it is chosen. */
export function followSilent(): void {
  measures.value = {
    ...measures.value,
    [NAME]: { of: (address) => shares.value.get(address) ?? null, written: share },
  };
  effect(() => {
    const computed = run.value.value;
    if (computed === null || state.value.measure !== NAME) return;
    sharesOf(computed).then((found) => {
      if (run.value.peek() === computed) shares.value = found;
    }, noteFailure);
  });
}

async function sharesOf(computed: Run): Promise<ReadonlyMap<string, number>> {
  const inputs = new Set(Object.keys(computed.reply.inputs));
  const rows = computed.reply.layers.filter((row) => !inputs.has(row.address));
  const parts = Object.entries(NORMS).map(([rank, reduce]) => {
    return normsOf(
      computed,
      rows.filter((row) => row.shape.length === Number(rank)),
      reduce,
    );
  });
  return new Map((await Promise.all(parts)).flat());
}

async function normsOf(computed: Run, rows: readonly LayerRow[], reduce: string): Promise<[string, number][]> {
  if (rows.length === 0) return [];
  const layers = rows.map((row) => row.address);
  const { tensors } = await computed.network.model.activations(computed.input, { ...computed.options, layers, reduce });
  return [...tensors].map(([address, { data }]) => [address, zeros(data)]);
}

/** The share of zeros. */
export function zeros(values: TypedArray): number {
  let count = 0;
  for (const value of values) count += Number(Number(value) === 0);
  return values.length > 0 ? count / values.length : 0;
}
