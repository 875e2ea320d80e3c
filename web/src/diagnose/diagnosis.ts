/** The diagnosis of the network that is shown, over a batch. */

import { computed, effect, signal } from "@preact/signals";
import type { DiagnosisOptions, DiagnosisReply, Input } from "layerscope";
import { noteFailure, returns } from "../app/service.ts";
import { part } from "../app/state.ts";
import { task } from "../app/task.ts";
import { contentOf } from "../input/content.ts";
import { type Network, network } from "../network/network.ts";
import type { Items } from "./address.ts";
import { ofFiles, SAMPLES, samples } from "./batch.ts";
import { withFewer } from "./fewer.ts";

/** Above it the reader is asked first. */
const LONG_SECONDS = 10;
export const NAME = "diagnose";

export const diagnosis = task<DiagnosisReply>(noteFailure);

/** Pictures or tensors that the reader chose for a diagnosis; kept for this page alone. */
export const files = signal<readonly File[]>([]);
/** How many samples the service takes of the network; fewer than the page has where more do not fit. */
export const sampleCount = signal(SAMPLES);
/** The network that the reader wants diagnosed although it takes long. */
export const allowed = signal<Network | null>(null);

const [panel, items, inputs, model] = [part("panel"), part("items"), part("inputs"), part("model")];
const [edits, pixels, resize, finding] = [part("edits"), part("pixels"), part("resize"), part("finding")];
const isWanted = computed(() => panel.value === NAME || finding.value !== null);

/** The seconds that the service will take, as its plan says; null where it says nothing. */
export const expected = computed(() => {
  const seconds = network.value.value?.plan.totals.seconds ?? null;
  const count = items.value === "samples" ? sampleCount.value : items.value === "files" ? files.value.length : 1;
  return seconds === null ? null : seconds * count;
});

/** Whether the reader is asked before this much work. */
export const isAsking = computed(() => (expected.value ?? 0) > LONG_SECONDS && allowed.value !== network.value.value);

/** Follows the state while the panel is open, or a finding is marked. */
export function followDiagnosis(): void {
  effect(() => {
    const [planned, from, sources, chosen] = [network.value.value, items.value, inputs.value, files.value];
    const options = optionsNow();
    returns.value;
    diagnosis.cancel();
    diagnosis.value.value = null;
    diagnosis.error.value = null;
    if (planned === null || planned.source !== model.value) {
      sampleCount.value = SAMPLES;
      return;
    }
    if (!isWanted.value || isAsking.value || (from === "files" && chosen.length === 0)) return;
    void diagnosis.start((ending) => {
      const diagnose = async (count: number) => {
        ending.throwIfAborted();
        if (from === "samples") sampleCount.value = count;
        const input = await inputOf(planned, from, sources, chosen, count);
        return planned.model.diagnose(input, { ...options, signal: ending });
      };
      return from === "samples" ? withFewer(sampleCount.peek(), diagnose) : diagnose(1);
    });
  });
}

async function inputOf(
  planned: Network,
  from: Items,
  sources: Parameters<typeof contentOf>[0],
  chosen: readonly File[],
  count: number,
): Promise<Input> {
  const specs = planned.plan.inputs;
  if (from === "samples") return samples(specs, count);
  return from === "files" ? ofFiles(chosen, specs) : contentOf(sources, specs);
}

function optionsNow(): DiagnosisOptions {
  return {
    ...(pixels.value !== null && { scale: pixels.value as NonNullable<DiagnosisOptions["scale"]> }),
    ...(resize.value !== null && { resize: resize.value as NonNullable<DiagnosisOptions["resize"]> }),
    ...(edits.value.length > 0 && { edits: [...edits.value] }),
  };
}
