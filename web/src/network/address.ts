/** Which network is looked at, and how the address says it. */

import type { Field } from "../app/fields.ts";

/** JSON that describes a network: a document, a network of keras.applications, or Keras' own JSON. */
export type NetworkJson = { readonly [key: string]: unknown };

export type ModelSource =
  | { readonly kind: "preset"; readonly name: string }
  | { readonly kind: "registered"; readonly name: string }
  | { readonly kind: "document"; readonly document: NetworkJson };

export const FIRST: ModelSource = { kind: "preset", name: "digits" };
/** Of a document in the address; chats and proxies cut off addresses that are much longer. */
export const MAX_CHARACTERS = 16_000;

export const modelField: Field<ModelSource> = {
  initial: FIRST,
  isStep: true,
  read: (params) => {
    const [registered, preset, document] = ["model", "preset", "document"].map((key) => params.get(key));
    if (registered) return { kind: "registered", name: registered };
    if (document) return documentIn(document) ?? FIRST;
    return preset ? { kind: "preset", name: preset } : FIRST;
  },
  write: (params, source) => {
    if (source.kind === "registered") params.set("model", source.name);
    else if (source.kind === "preset" && source.name !== FIRST.name) params.set("preset", source.name);
    else if (source.kind === "document" && isShareable(source)) params.set("document", JSON.stringify(source.document));
  },
};

/** Whether an address can say which network this is. */
export function isShareable(source: ModelSource): boolean {
  return source.kind !== "document" || JSON.stringify(source.document).length <= MAX_CHARACTERS;
}

function documentIn(text: string): ModelSource | undefined {
  try {
    const document: unknown = JSON.parse(text);
    return isObject(document) ? { kind: "document", document } : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is NetworkJson {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
