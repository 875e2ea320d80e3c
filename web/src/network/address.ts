/** Which network is looked at, and how the address says it. */

import type { Field } from "../app/fields.ts";

/** JSON that describes a network: a document, a network of keras.applications, or Keras' own JSON. */
export type NetworkJson = { readonly [key: string]: unknown };

export type ModelSource =
  | Named
  | {
      readonly kind: "document";
      readonly document: NetworkJson;
      /** The network with trained weights that it was edited from: its own are those of the seed. */
      readonly from?: Named | undefined;
    };

export type Named =
  | { readonly kind: "preset"; readonly name: string }
  | { readonly kind: "registered"; readonly name: string };

export const FIRST: Named = { kind: "preset", name: "digits" };
/** Of a document in the address; chats and proxies cut off addresses that are much longer. */
export const MAX_CHARACTERS = 16_000;

export const modelField: Field<ModelSource> = {
  initial: FIRST,
  isStep: true,
  read: (params) => {
    const document = params.get("document");
    const [named, from] = [namedIn(params, "model", "preset"), namedIn(params, "from", "from-preset")];
    if (named?.kind === "registered") return named;
    if (document) return documentIn(document, from) ?? FIRST;
    return named ?? FIRST;
  },
  write: (params, source) => {
    if (source.kind === "registered") params.set("model", source.name);
    else if (source.kind === "preset" && source.name !== FIRST.name) params.set("preset", source.name);
    else if (source.kind === "document" && isShareable(source)) {
      params.set("document", JSON.stringify(source.document));
      if (source.from !== undefined)
        params.set(source.from.kind === "preset" ? "from-preset" : "from", source.from.name);
    }
  },
};

/** Whether an address can say which network this is. */
export function isShareable(source: ModelSource): boolean {
  return source.kind !== "document" || JSON.stringify(source.document).length <= MAX_CHARACTERS;
}

/** The network that one of two parameters names: registered under that name, or a preset. */
function namedIn(params: URLSearchParams, registered: string, preset: string): Named | undefined {
  const [model, example] = [params.get(registered), params.get(preset)];
  if (model) return { kind: "registered", name: model };
  return example ? { kind: "preset", name: example } : undefined;
}

function documentIn(text: string, from: Named | undefined): ModelSource | undefined {
  try {
    const document: unknown = JSON.parse(text);
    return isObject(document) ? { kind: "document", document, ...(from !== undefined && { from }) } : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is NetworkJson {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
