/** What a tensor is computed from, by the plan of its network. */

import { type InputSpec, takesPictures } from "../input/samples.ts";
import { layerOf } from "./targets.ts";

export interface Planned {
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly layers: readonly PlannedLayer[];
  readonly model: { readonly outputs: readonly string[] };
}

export interface PlannedLayer {
  readonly address: string;
  readonly inputs: readonly string[];
  readonly shape: readonly (number | null)[];
  readonly dtype: string;
}

/** The address itself and everything that it is computed from; empty where the plan does not have it. */
export function sourcesOf({ inputs, layers }: Planned, address: string): ReadonlySet<string> {
  const reads = new Map<string, readonly string[]>(Object.keys(inputs).map((name) => [name, []]));
  for (const layer of layers) reads.set(layer.address, layer.inputs);
  const found = new Set<string>();
  const waiting = [layerOf(address)];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next) || !reads.has(next)) continue;
    found.add(next);
    waiting.push(...(reads.get(next) ?? []));
  }
  return found;
}

/** The inputs of the network that it is computed from. */
export function inputsOf(plan: Planned, address: string): string[] {
  const sources = sourcesOf(plan, address);
  return Object.keys(plan.inputs).filter((name) => sources.has(name));
}

/** The only picture that it is computed from; null where there is none, where there are several, or where none can be told. */
export function pictureOf(plan: Planned, address: string): string | null {
  const pictures = inputsOf(plan, address).filter((name) => takesPictures(plan.inputs[name] as InputSpec));
  return pictures.length === 1 ? (pictures[0] ?? null) : null;
}
