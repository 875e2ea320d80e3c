/** How the selected element came about, asked of the service whenever another is selected. */

import { computed, effect } from "@preact/signals";
import type { ArithmeticReply } from "layerscope";
import { run } from "../activations/run.ts";
import { noteFailure } from "../app/service.ts";
import { part } from "../app/state.ts";
import { task } from "../app/task.ts";
import { element } from "./selection.ts";

export type Step = ArithmeticReply["steps"][number];
export type Term = Step["terms"][number];
export type Read = ArithmeticReply["reads"][number];

interface Told {
  readonly element: string;
  readonly reply: ArithmeticReply;
}

export const arithmetic = task<Told>(noteFailure);

/** While arrow keys are held down, only where they end is asked for. */
const PAUSE_MS = 60;

/** What was told of the element that is selected now; null while it is on its way. */
export const told = computed(() => {
  const value = arithmetic.value.value;
  return isAsked.value && value !== null && value.element === element.value ? value.reply : null;
});

/** The boxes that the selected element is computed from, by address. */
export const reads = computed((): ReadonlyMap<string, Read> => {
  return new Map(told.value?.reads.map((read) => [read.address, read]) ?? []);
});

const panel = part("panel");
const isAsked = computed(() => panel.value === "map");

/** Follows the selection while the panel is open. */
export function followElement(): void {
  effect(() => {
    const [here, of] = [run.value.value, element.value];
    if (!isAsked.value || here === null || of === null) return arithmetic.cancel();
    const { training: _, edits: __, ...options } = here.options; // arithmetic knows neither
    void arithmetic.start(async (signal) => {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      signal.throwIfAborted();
      return { element: of, reply: await here.network.model.arithmetic(here.input, { ...options, of, signal }) };
    });
  });
}
