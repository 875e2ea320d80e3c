/** The network that is looked at: what runs it, and its plan. */

import { computed, effect } from "@preact/signals";
import { type Document, Forbidden, type Model, type PlanReply, Unavailable } from "layerscope";
import { noteFailure, returns, service } from "../app/service.ts";
import { part } from "../app/state.ts";
import { task } from "../app/task.ts";
import type { ModelSource, NetworkJson } from "./address.ts";
import { isEmpty } from "./editor/document.ts";
import { PRESETS, type Preset } from "./presets.ts";

export interface Network {
  readonly source: ModelSource;
  readonly model: Model;
  /** The name under which the service has it; null for one that every request carries. */
  readonly registered: string | null;
  /** What it is described by, where the page knows it. */
  readonly document: NetworkJson | null;
  readonly plan: PlanReply;
  /** Whether its weights could not be given to the service: those of the seed are in their place. */
  readonly lacksWeights: boolean;
}

export type LayerPlan = PlanReply["layers"][number];

const TYPING_PAUSE_MS = 180;
const EVERY_TENSOR = ["**"];
const model = part("model");

export const network = task<Network>(noteFailure);

/** Whether the reader has a document that nothing can be asked of the service about, yet. */
export const hasNoLayers = computed(() => model.value.kind === "document" && isEmpty(model.value.document));

/** Follows the state: another network is planned at once, an edited one when typing pauses. */
export function followModel(): void {
  effect(() => {
    const source = model.value;
    returns.value;
    const isTyped = source.kind === "document" && network.value.peek()?.source.kind === "document";
    void network.start(async (signal) => {
      if (isTyped) await pause(TYPING_PAUSE_MS, signal);
      return load(source, signal);
    });
  });
}

async function load(source: ModelSource, signal: AbortSignal): Promise<Network> {
  const opened = await open(source, signal);
  const plan = await opened.model.plan({ batch: 1, layers: EVERY_TENSOR, signal });
  return { source, ...opened, plan };
}

export type Opened = Pick<Network, "model" | "registered" | "document" | "lacksWeights">;

/** What runs a network; a preset with weights is given to the service first. */
export async function open(source: ModelSource, signal: AbortSignal): Promise<Opened> {
  if (source.kind === "registered") {
    const model = service.peek().model(source.name);
    return { model, registered: source.name, document: null, lacksWeights: false };
  }
  if (source.kind === "document") return inline(source.document);
  const preset = PRESETS[source.name];
  if (preset === undefined) throw new RangeError(`${source.name}: ${Object.keys(PRESETS).join(", ")}`);
  return preset.weights === undefined ? inline(preset.document) : register(preset, preset.weights, signal);
}

function inline(document: NetworkJson, lacksWeights = false): Opened {
  return { model: service.peek().model(document as Document), registered: null, document, lacksWeights };
}

/** Gives the service a preset with its weights; where it takes none, the weights follow from the seed. */
async function register(
  preset: Preset,
  { name, file }: NonNullable<Preset["weights"]>,
  signal: AbortSignal,
): Promise<Opened> {
  try {
    await service.peek().put(name, preset.document as Document, { weights: await file(), signal });
  } catch (error) {
    if (!(error instanceof Forbidden || error instanceof Unavailable)) throw error;
    return inline(preset.document, true);
  }
  return { model: service.peek().model(name), registered: name, document: preset.document, lacksWeights: false };
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
