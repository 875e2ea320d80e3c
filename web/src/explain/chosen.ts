/** How a number is explained: as the reader chose where that fits the network, else as it can be. */

import { computed } from "@preact/signals";
import { run } from "../activations/run.ts";
import { part } from "../app/state.ts";
import { firstLayer, firstMap, methodFor, windowFor } from "./fit.ts";
import type { Knobs } from "./knobs.ts";
import { METHODS, type MethodName } from "./methods.ts";
import { partsOf } from "./targets.ts";

const [wanted, target, explainedBy, knobs] = [part("method"), part("target"), part("explainedBy"), part("knobs")];

/** The plan of the network that was run. */
export const plan = computed(() => run.value.value?.network.plan ?? null);

export const method = computed((): MethodName => {
  return plan.value === null ? wanted.value : methodFor(plan.value, wanted.value);
});

/** The number that is explained unless the reader chooses; null where the service chooses. */
export const defaultTarget = computed(() => (plan.value === null ? null : firstMap(plan.value)));

/** The number that is explained; null for the largest unit of the output. */
export const explained = computed(() => target.value ?? defaultTarget.value);

/** The address of the number that is explained; null for the network's own output. */
export const targetAddress = computed(() => (explained.value === null ? null : partsOf(explained.value).address));

/** By what it is explained unless the reader chooses; null where the service chooses. */
export const defaultLayer = computed(() => {
  return plan.value === null ? null : firstLayer(plan.value, METHODS[method.value], targetAddress.value);
});

export const layer = computed(() => explainedBy.value ?? defaultLayer.value);

/** The method's options that are not the service's own: what fits the picture, and what the reader chose. */
export const settings = computed((): Knobs => {
  const rows = run.value.value?.reply.layers ?? [];
  const inputs = plan.value?.inputs ?? {};
  const covered = rows.find(({ address }) => (layer.value === null ? address in inputs : address === layer.value));
  const isCovering = method.value === "occlusion" && covered !== undefined;
  return { ...(isCovering && windowFor(covered.shape)), ...knobs.value };
});
