/** What differs between the two sides of a comparison. */

import type { Edit } from "../edits/edit.ts";
import type { InputSource, InputSources } from "../input/address.ts";
import type { ModelSource } from "../network/address.ts";
import type { Made, PolicyChoice } from "./address.ts";

export const THINGS = ["network", "input", "training", "edits", "precision"] as const;
export type Thing = (typeof THINGS)[number];

/** Those that differ, in this order. */
export function changes(a: Made, b: Made, policy: PolicyChoice): Thing[] {
  const differs: Readonly<Record<Thing, boolean>> = {
    network: !isSameModel(a.model, b.model),
    input: !areSameInputs(a.inputs, b.inputs),
    training: a.training !== b.training,
    edits: !areSameEdits(a.edits, b.edits),
    precision: policy !== "own",
  };
  return THINGS.filter((thing) => differs[thing]);
}

export function isSameModel(a: ModelSource, b: ModelSource): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Files are the same where they are one object: their bytes are not compared. */
export function areSameInputs(a: InputSources, b: InputSources): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isSameInput(a[name], b[name]));
}

function isSameInput(a: InputSource | undefined, b: InputSource | undefined): boolean {
  if (a?.kind === "file" || b?.kind === "file") return a?.kind === b?.kind && contentOf(a) === contentOf(b);
  return JSON.stringify(a) === JSON.stringify(b);
}

function contentOf(source: InputSource | undefined): Blob | undefined {
  return source?.kind === "file" ? source.content : undefined;
}

function areSameEdits(a: readonly Edit[], b: readonly Edit[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
