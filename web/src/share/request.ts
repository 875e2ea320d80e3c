/** Requests as code writes them: all in JSON, or a form where a file goes along. */

import { type Input, jsonOf, type OneInput } from "layerscope";
import type { InputSource } from "../input/address.ts";
import type { NetworkJson } from "../network/address.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Request {
  /** With the host, without a slash at its end. */
  readonly url: string;
  readonly hasKey: boolean;
  readonly body: JsonBody | FormBody;
}

export interface JsonBody {
  readonly kind: "json";
  readonly json: { readonly [key: string]: Json };
}

/** Fields of text, and files that are read where the code runs. */
export interface FormBody {
  readonly kind: "form";
  readonly fields: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

interface Parts {
  /** The network that the request carries; null for a registered one. */
  readonly model: NetworkJson | null;
  readonly input: Input;
  readonly sources: Readonly<Record<string, InputSource>>;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The body of a request: pictures of the page are in it, files of the reader are named. */
export async function bodyOf({ model, input, sources, options }: Parts): Promise<JsonBody | FormBody> {
  const given = { ...(model !== null && { model }), ...options } as Record<string, Json>;
  const files = filesIn(sources);
  if (Object.keys(files).length === 0)
    return { kind: "json", json: { ...given, inputs: (await jsonOf(input)) as Json } };
  const fields = Object.entries(given).map(([name, value]) => [
    name,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  const others = Object.entries(sources).filter(([, source]) => source.kind !== "file");
  const written = others.map(async ([name]) => {
    return [`inputs.${name}`, JSON.stringify(await jsonOf((input as Record<string, OneInput>)[name] as OneInput))];
  });
  return { kind: "form", fields: Object.fromEntries([...fields, ...(await Promise.all(written))]), files };
}

/** The fields and names of files that the reader chose. */
function filesIn(sources: Parts["sources"]): Record<string, string> {
  const entries = Object.entries(sources);
  const found = entries.flatMap(([name, source]): [string, string][] => {
    return source.kind === "file" ? [[entries.length === 1 ? "image" : `inputs.${name}`, source.name]] : [];
  });
  return Object.fromEntries(found);
}
