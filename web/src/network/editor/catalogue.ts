/** The layer types of the service, each asked for once. */

import { type Signal, signal } from "@preact/signals";
import type { LayerType, LayerTypeList } from "layerscope";
import { noteFailure, service } from "../../app/service.ts";

export const catalogue = signal<LayerTypeList["layers"]>([]);
const types = new Map<string, Signal<LayerType | null>>();

/** Fetches the list of types, unless it is here. */
export function loadCatalogue(): void {
  if (catalogue.value.length > 0) return;
  service.peek().layers().then((list) => {
    catalogue.value = list.layers;
  }, noteFailure);
}

/** A type with its schema and an example; null until it is here, and for a type that there is not. */
export function typeOf(name: string): LayerType | null {
  const known = types.get(name);
  if (known !== undefined) return known.value;
  const found = signal<LayerType | null>(null);
  types.set(name, found);
  if (name !== BLOCK) void fetchType(name, found);
  return found.value;
}

const BLOCK = "Block";

async function fetchType(name: string, found: Signal<LayerType | null>): Promise<void> {
  try {
    found.value = await service.peek().layer(name);
  } catch (error) {
    types.delete(name);
    noteFailure(error);
  }
}

/** A layer of a type that works as it stands: the example of the service. */
export async function exampleOf(type: string): Promise<Record<string, unknown>> {
  const { example } = await service.peek().layer(type);
  const [layer] = Array.isArray(example["layers"]) ? example["layers"] : [];
  const { name: _, inputs: __, ...rest } = (layer ?? { type }) as Record<string, unknown>;
  return rest;
}
