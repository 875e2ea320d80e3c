/** What the inputs of a network get, and how the address says it. */

import type { Field } from "../app/fields.ts";

export type InputSource =
  /** One that the page has or makes: `digit-5`, `chart`, `wave`, `noise`, `tokens`, `zeros`. */
  | { readonly kind: "sample"; readonly name: string }
  /** A small picture, or one that was drawn here, in base64. */
  | { readonly kind: "picture"; readonly base64: string; readonly isDrawn?: boolean }
  /** Nested numbers, as JSON. */
  | { readonly kind: "numbers"; readonly json: string }
  /** A picture or a file of tensors that is too large for an address. */
  | { readonly kind: "file"; readonly name: string; readonly content: Blob };

export type InputSources = Readonly<Record<string, InputSource>>;

const KEY = "input";
export const MAX_CHARACTERS = 8_000;
const KINDS = { picture: "png", numbers: "numbers" } as const;

/** `input.left=digit-5`; the name may be empty: the only input. */
export const inputsField: Field<InputSources> = {
  initial: {},
  isStep: false, // a stroke on the pad is no step
  read: (params) => {
    const found: Record<string, InputSource> = {};
    for (const [key, value] of params) {
      const source = key === KEY || key.startsWith(`${KEY}.`) ? sourceIn(value) : undefined;
      if (source !== undefined) found[key.slice(KEY.length + 1)] = source;
    }
    return found;
  },
  write: (params, sources) => {
    for (const [name, source] of Object.entries(sources)) {
      const value = written(source);
      if (value !== undefined && value.length <= MAX_CHARACTERS) params.set(name ? `${KEY}.${name}` : KEY, value);
    }
  },
};

function sourceIn(text: string): InputSource | undefined {
  const [, kind, rest = ""] = /^(png|numbers):(.*)$/s.exec(text) ?? [];
  if (kind === KINDS.picture) return { kind: "picture", base64: rest };
  if (kind === KINDS.numbers) return { kind: "numbers", json: rest };
  return /^[a-z]+(-\d)?$/.test(text) ? { kind: "sample", name: text } : undefined;
}

function written(source: InputSource): string | undefined {
  if (source.kind === "sample") return source.name;
  if (source.kind === "picture") return `${KINDS.picture}:${source.base64}`;
  return source.kind === "numbers" ? `${KINDS.numbers}:${source.json}` : undefined;
}

/** Whether an address can say what this input is. */
export function isShareable(source: InputSource): boolean {
  return (written(source)?.length ?? Number.POSITIVE_INFINITY) <= MAX_CHARACTERS;
}
