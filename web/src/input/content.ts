/** What is sent for each input of a network. */

import type { Input, Nested, OneInput } from "layerscope";
import type { InputSource, InputSources } from "./address.ts";
import { defaultSample, type InputSpec, sample } from "./samples.ts";

export type InputSpecs = Readonly<Record<string, InputSpec>>;

/** Each input's source, by the network's names: what was chosen, else a sample that fits. */
export function chosen(sources: InputSources, specs: InputSpecs): Readonly<Record<string, InputSource>> {
  const pairs = Object.entries(specs).map(([name, spec], place): [string, InputSource] => {
    const source = sources[name] ?? (place === 0 ? sources[""] : undefined);
    return [name, source ?? { kind: "sample", name: defaultSample(spec, place) }];
  });
  return Object.fromEntries(pairs);
}

/** The input of a request. */
export async function contentOf(sources: InputSources, specs: InputSpecs): Promise<Input> {
  const pairs = Object.entries(chosen(sources, specs)).map(async ([name, source]) => {
    return [name, await content(source, specs[name] as InputSpec)] as const;
  });
  const contents = await Promise.all(pairs);
  const only = contents.length === 1 ? contents[0]?.[1] : undefined;
  return only ?? Object.fromEntries(contents);
}

async function content(source: InputSource, spec: InputSpec): Promise<OneInput> {
  if (source.kind === "sample") return sample(source.name, spec);
  if (source.kind === "picture") return bytesOf(source.base64);
  return source.kind === "numbers" ? (JSON.parse(source.json) as Nested) : source.content;
}

/** The bytes of a base64 text, as a PNG. */
function bytesOf(base64: string): Blob {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}
