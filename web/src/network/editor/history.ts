/** The documents before and after the present one, for undo and redo. */

import { computed, signal } from "@preact/signals";
import { change, state } from "../../app/state.ts";
import type { ModelSource, Named, NetworkJson } from "../address.ts";
import { isTrained } from "../trained.ts";

const LONGEST = 200;
/** Changes of one field within this time are one step. */
const SAME_STEP_MS = 1500;

const before = signal<readonly ModelSource[]>([]);
const after = signal<readonly ModelSource[]>([]);
/** The document that the last step led to: where another network is shown, its steps are of no use. */
const present = signal<ModelSource | null>(null);
let last = { key: "", time: 0 };

const isPresent = computed(() => state.value.model === present.value);
export const canUndo = computed(() => isPresent.value && before.value.length > 0);
export const canRedo = computed(() => isPresent.value && after.value.length > 0);
/** The network with trained weights that the shown one was edited from; null where there is none. */
const trained = computed(() => trainedOf(state.value.model));
export const canRestore = computed(() => state.value.model.kind === "document" && trained.value !== null);

/** Shows an edited document. `key` names what is changed: further changes of it soon after are the same step. */
export function edit(document: NetworkJson, key: string): void {
  if (!isPresent.value) before.value = [];
  const now = Date.now();
  const isSame = key === last.key && now - last.time < SAME_STEP_MS && before.value.length > 0;
  if (!isSame) before.value = [...before.value, state.value.model].slice(-LONGEST);
  last = { key, time: now };
  after.value = [];
  go({ kind: "document", document, ...(trained.value !== null && { from: trained.value }) });
}

export function undo(): void {
  const model = before.value.at(-1);
  if (model === undefined || !canUndo.value) return;
  before.value = before.value.slice(0, -1);
  after.value = [...after.value, state.value.model];
  last = { key: "", time: 0 };
  go(model);
}

export function redo(): void {
  const model = after.value.at(-1);
  if (model === undefined || !canRedo.value) return;
  after.value = after.value.slice(0, -1);
  before.value = [...before.value, state.value.model];
  last = { key: "", time: 0 };
  go(model);
}

/** Takes back every step since the network had trained weights; "redo" makes them again. */
export function restore(): void {
  const model = trained.value;
  if (model === null) return;
  const [done, undone] = isPresent.value ? [before.value, after.value] : [[], []];
  const at = done.findLastIndex(isTrained);
  after.value = [...undone, state.value.model, ...done.slice(at + 1).reverse()];
  before.value = done.slice(0, Math.max(at, 0));
  last = { key: "", time: 0 };
  go(model);
}

function trainedOf(model: ModelSource): Named | null {
  if (model.kind === "document") return model.from ?? null;
  return isTrained(model) ? model : null;
}

function go(model: ModelSource): void {
  present.value = model;
  change({ model });
}
