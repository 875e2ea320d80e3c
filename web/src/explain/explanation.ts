/** What one number of the network depends on, asked of the service while the panel is open. */

import { computed, effect, signal } from "@preact/signals";
import type { ExplanationOptions, ExplanationReply, PlanOptions, Tensor } from "layerscope";
import { type Run, run } from "../activations/run.ts";
import { noteFailure } from "../app/service.ts";
import { part } from "../app/state.ts";
import { task } from "../app/task.ts";
import { takesPictures } from "../input/samples.ts";
import { explained, layer, method, settings } from "./chosen.ts";
import { optionsOf } from "./knobs.ts";
import { METHODS, type Method, type MethodName } from "./methods.ts";

export interface Explained {
  readonly run: Run;
  readonly method: MethodName;
  readonly options: ExplanationOptions;
  readonly reply: ExplanationReply & Facts;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Of integrated gradients: what their sum misses, for each item. */
interface Facts {
  readonly delta?: readonly number[];
  readonly relative_delta?: readonly (number | string)[];
  readonly baseline_scores?: readonly number[];
}

export const explanation = task<Explained>(noteFailure);

/** How long the work that goes on may take, in seconds; null where the service does not say. */
export const expectedSeconds = signal<number | null>(null);

/** The options of the request, as the state has them. */
export const asked = computed((): ExplanationOptions | null => {
  const here = run.value.value;
  if (here === null) return null;
  const { training: _, ...options } = here.options; // explanations know no training mode
  const chosen = METHODS[method.value];
  return {
    ...options,
    method: method.value,
    ...(explained.value !== null && { of: explained.value }),
    ...(minus.value !== null && { minus: minus.value }),
    ...(sign.value === "-1" && { sign: -1 as const }),
    ...(layer.value !== null && { to: [layer.value] }),
    ...(takesWeights(chosen) && weightGradients.value && { weights: true }),
    ...optionsOf(chosen, settings.value),
    ...(chosen.isMap && hasPicture(here) && { resized: true }),
  };
});
const [minus, sign, weightGradients, panel, model] = [
  part("minus"),
  part("sign"),
  part("weightGradients"),
  part("panel"),
  part("model"),
];
const isOpen = computed(() => panel.value === "explain");

/** Whether there are weights to take gradients of: those of the layer that was chosen. */
export function takesWeights({ hasWeights = false }: Method): boolean {
  return hasWeights && layer.value !== null;
}

/** Whether any input is a picture: maps then come at the size of that which they are computed from, too. */
function hasPicture({ network: { plan } }: Run): boolean {
  return Object.values(plan.inputs).some(takesPictures);
}

export function followExplanation(): void {
  effect(() => {
    const [here, options] = [run.value.value, asked.value];
    if (here === null || here.network.source !== model.value) return drop();
    if (!isOpen.value || options === null) return explanation.cancel();
    const name = method.value;
    expectedSeconds.value = null;
    void explanation.start(async (signal) => {
      if (METHODS[name].isLong) expectedSeconds.value = await price(here, options, signal);
      const { reply, tensors } = await here.network.model.explain(here.input, { ...options, stats: true, signal });
      return { run: here, method: name, options, reply: reply as ExplanationReply & Facts, tensors };
    });
  });
}

/** Forgets what was said of another network. */
function drop(): void {
  explanation.cancel();
  explanation.value.value = null;
  explanation.error.value = null;
}

/** What the service expects, for one item. */
async function price(here: Run, options: ExplanationOptions, signal: AbortSignal): Promise<number | null> {
  const { scale: _, resize: __, edits: ___, ...explained } = options;
  const asked: PlanOptions = { batch: 1, explanation: explained as NonNullable<PlanOptions["explanation"]> };
  return (await here.network.model.plan({ ...asked, signal })).explanation?.seconds ?? null;
}
