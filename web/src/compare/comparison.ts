/** The comparison of the run that is pinned, A, with the one that the page shows, B. */

import { computed, effect } from "@preact/signals";
import type { ComparisonOptions, ComparisonReply, ComparisonSide } from "layerscope";
import { Tensors, type Views } from "../activations/tensors.ts";
import { noteFailure, returns } from "../app/service.ts";
import { part } from "../app/state.ts";
import { task } from "../app/task.ts";
import { beside } from "../edits/reach.ts";
import { contentOf } from "../input/content.ts";
import { type Network, network, type Opened, open } from "../network/network.ts";
import type { Made, PolicyChoice } from "./address.ts";
import { areSameInputs, changes, isSameModel } from "./changes.ts";

export type ComparedLayer = ComparisonReply["layers"][number];

export interface Comparison {
  readonly reply: ComparisonReply;
  /** Of a − b. */
  readonly tensors: Tensors;
}

export const comparison = task<Comparison>(noteFailure);

const [model, inputs, training, edits] = [part("model"), part("inputs"), part("training"), part("edits")];
const [pin, policy, pixels, resize] = [part("pin"), part("policy"), part("pixels"), part("resize")];

/** What the run that the page shows is made of. */
export const shown = computed<Made>(() => {
  return { model: model.value, inputs: inputs.value, training: training.value, edits: edits.value };
});

/** What differs between A and B; nothing where nothing is pinned. */
export const changed = computed(() => (pin.value === null ? [] : changes(pin.value, shown.value, policy.value)));

/** Follows the state: where a run is pinned and anything differs, they are compared. */
export function followComparison(): void {
  effect(() => {
    const [a, b, planned] = [pin.value, shown.value, network.value.value];
    const [asked, precision] = [scaling(), policy.value];
    returns.value;
    comparison.cancel();
    if (a === null || changed.value.length === 0) {
      comparison.value.value = null;
      comparison.error.value = null;
    } else if (planned !== null && isSameModel(planned.source, b.model)) {
      void comparison.start((signal) => compare(planned, a, b, precision, asked, signal));
    }
  });
}

type Scaling = Pick<ComparisonOptions, "scale" | "resize">;

function scaling(): Scaling {
  return {
    ...(pixels.value !== null && { scale: pixels.value as NonNullable<Scaling["scale"]> }),
    ...(resize.value !== null && { resize: resize.value as NonNullable<Scaling["resize"]> }),
  };
}

async function compare(
  planned: Network,
  a: Made,
  b: Made,
  precision: PolicyChoice,
  asked: Scaling,
  signal: AbortSignal,
): Promise<Comparison> {
  const first = isSameModel(a.model, planned.source) ? planned : await loaded(a.model, signal);
  const input = await contentOf(a.inputs, first.plan.inputs);
  const options = { ...asked, a: sideOf(a), b: await otherSide(planned, first, a, b, precision) };
  const reply = await first.model.compare(input, { ...options, layers: ["**"], signal });
  const rows = reply.layers.map((row) => ({ address: row.address, shape: (row.a ?? row.b)?.shape ?? [] }));
  const tensors = new Tensors((views) => {
    const { layers, slice } = together(views, beside([...a.edits, ...b.edits], views.layers, rows));
    return first.model.compare(input, { ...options, layers, slice, signal: views.signal, format: "safetensors" });
  }, noteFailure);
  return { reply, tensors };
}

function together(views: Views, more: ReturnType<typeof beside>): Pick<Views, "layers" | "slice"> {
  return { layers: [...views.layers, ...more.layers], slice: { ...views.slice, ...more.slice } };
}

function sideOf({ training, edits }: Made): ComparisonSide {
  return { training, ...(edits.length > 0 && { edits: [...edits] }) };
}

/** What differs from A, whose edits B has where it has no list of its own: an empty one, for none. */
async function otherSide(
  planned: Network,
  first: Pick<Network, "source">,
  a: Made,
  b: Made,
  precision: PolicyChoice,
): Promise<ComparisonSide> {
  const isOther = !isSameModel(first.source, planned.source);
  return {
    ...sideOf(b),
    ...(a.edits.length > 0 && { edits: [...b.edits] }),
    ...(precision !== "own" && { dtype: precision }),
    ...(isOther && { model: (planned.registered ?? planned.document) as NonNullable<ComparisonSide["model"]> }),
    ...(!areSameInputs(a.inputs, b.inputs) && { inputs: await contentOf(b.inputs, planned.plan.inputs) }),
  };
}

/** The network of A, where the page shows another. */
async function loaded(source: Made["model"], signal: AbortSignal): Promise<Opened & Pick<Network, "source" | "plan">> {
  const opened = await open(source, signal);
  return { source, ...opened, plan: await opened.model.plan({ batch: 1, signal }) };
}
