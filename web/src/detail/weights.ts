/** The kernel of the selected layer, fetched once for each layer. */

import { computed, effect } from "@preact/signals";
import type { Tensor } from "layerscope";
import { run } from "../activations/run.ts";
import { noteFailure } from "../app/service.ts";
import { part } from "../app/state.ts";
import { task } from "../app/task.ts";
import { network } from "../network/network.ts";
import { selected } from "./selection.ts";

/** Larger kernels are not fetched to be looked at. */
const MOST_PARAMETERS = 4 * 2 ** 20;
const KERNEL = /^weights\/.*\/kernel$/;
const TYPES = new Set(["Conv1D", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "Dense"]);

interface Fetched {
  readonly id: string;
  readonly address: string;
  readonly kernel: Tensor | null;
}

const weights = task<Fetched>(noteFailure);
const panel = part("panel");

/** The row whose kernel is shown; null where it has none, or one that is too large. */
const wanted = computed(() => {
  const row = panel.value === "map" ? selected.value?.row : undefined;
  return row !== undefined && TYPES.has(row.type) && row.parameters <= MOST_PARAMETERS ? row : null;
});

/** Null where there is none, or none yet. */
export const kernel = computed((): Tensor | null => {
  const came = weights.value.value;
  const id = network.value.value?.plan.model.id ?? "";
  return wanted.value !== null && came?.address === wanted.value.address && came.id === id ? came.kernel : null;
});

export function followKernel(): void {
  effect(() => {
    const [here, row] = [run.value.value, wanted.value];
    if (here === null || row === null) return;
    const [{ address, shape }, id] = [row, here.network.plan.model.id ?? ""];
    const known = weights.value.peek();
    if (known?.address === address && known.id === id) return;
    void weights.start(async (signal) => {
      const slice = shape.map(() => "0:1").join(", ");
      const asked = { ...here.options, layers: [address], weights: true, slice, signal };
      const { tensors } = await here.network.model.activations(here.input, asked);
      const name = [...tensors.keys()].find((key) => KERNEL.test(key));
      return { id, address, kernel: name === undefined ? null : (tensors.get(name) ?? null) };
    });
  });
}
