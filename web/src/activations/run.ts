/** The run that is looked at: the network on its inputs. */

import { computed, effect } from "@preact/signals";
import type { ActivationOptions, ActivationsReply, Input } from "layerscope";
import { noteFailure } from "../app/service.ts";
import { part } from "../app/state.ts";
import { task } from "../app/task.ts";
import type { Edit } from "../edits/edit.ts";
import { beside } from "../edits/reach.ts";
import { contentOf } from "../input/content.ts";
import { type Network, network } from "../network/network.ts";
import { Tensors } from "./tensors.ts";

export interface Run {
  readonly network: Network;
  readonly input: Input;
  readonly options: ActivationOptions;
  readonly reply: ActivationsReply;
  readonly tensors: Tensors;
}

export type LayerRow = ActivationsReply["layers"][number];

/** Tensors of fewer bytes come with the run itself, those of larger ones when they come into view. */
const WHOLE_BYTES = 4 * 2 ** 20;

export const run = task<Run>(noteFailure);

/** The rows of the run by address. */
export const rows = computed(() => new Map(run.value.value?.reply.layers.map((row) => [row.address, row]) ?? []));

/** Follows the network and the state: another input or option is another run. */
export function followRun(): void {
  const inputs = part("inputs");
  const options = computed(() => optionsOf(pixels.value, resize.value, training.value, edits.value));
  const [pixels, resize, training, edits] = [part("pixels"), part("resize"), part("training"), part("edits")];
  effect(() => {
    const planned = network.value.value;
    const sources = inputs.value;
    const asked = options.value;
    if (planned === null) return;
    void run.start(async (signal) => {
      const input = await contentOf(sources, planned.plan.inputs);
      return execute(planned, input, asked, signal);
    });
  });
}

function optionsOf(
  pixels: string | null,
  resize: string | null,
  training: boolean,
  edits: readonly Edit[],
): ActivationOptions {
  return {
    ...(pixels !== null && { scale: pixels as NonNullable<ActivationOptions["scale"]> }),
    ...(resize !== null && { resize: resize as NonNullable<ActivationOptions["resize"]> }),
    ...(training && { training }),
    ...(edits.length > 0 && { edits: [...edits] }),
  };
}

/** Maps that cannot be fetched are told like a run that failed. */
function failed(error: unknown): void {
  noteFailure(error);
  run.error.value = error instanceof Error ? error : new Error(String(error));
}

async function execute(planned: Network, input: Input, options: ActivationOptions, signal: AbortSignal): Promise<Run> {
  const layers = [...Object.keys(planned.plan.inputs), "**"];
  const bytes = planned.plan.reply_bytes;
  if (bytes !== null && bytes !== undefined && bytes <= WHOLE_BYTES) {
    const { reply, tensors } = await planned.model.activations(input, { ...options, layers, stats: true, signal });
    return { network: planned, input, options, reply, tensors: Tensors.whole(tensors) };
  }
  const asked = { ...options, layers, data: "none", format: "json", signal } as const;
  const reply = await planned.model.activations(input, asked);
  const edits = (options.edits ?? []) as unknown as readonly Edit[];
  const tensors = new Tensors(({ layers: wanted, slice, signal: ended }) => {
    const more = beside(edits, wanted, reply.layers);
    const views = { layers: [...wanted, ...more.layers], slice: { ...slice, ...more.slice }, signal: ended };
    return planned.model.activations(input, { ...options, ...views });
  }, failed);
  return { network: planned, input, options, reply, tensors };
}
