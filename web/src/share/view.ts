/** What the page shows, as a request and as code. */

import { type Run, run } from "../activations/run.ts";
import { key, service } from "../app/service.ts";
import { state } from "../app/state.ts";
import { element } from "../detail/selection.ts";
import { asked } from "../explain/explanation.ts";
import { chosen } from "../input/content.ts";
import type { NetworkJson } from "../network/address.ts";
import { curl } from "./curl.ts";
import { javascript } from "./javascript.ts";
import { keras } from "./keras.ts";
import { python } from "./python.ts";
import { bodyOf, type FormBody, type JsonBody, type Request } from "./request.ts";

export const VERBS = ["activations", "arithmetic", "explanations"] as const;
export type Verb = (typeof VERBS)[number];
export const LANGUAGES = ["curl", "python", "javascript", "keras", "document"] as const;
export type Language = (typeof LANGUAGES)[number];

const PASTED = "pasted";
/** An address that Keras' get_layer finds: no block, call, output or value before an activation. */
const PLAIN = /^[^/@#:]+$/;

/** The request that the open panel shows the reply of. */
export function verbShown(): Verb {
  if (state.value.panel === "explain") return "explanations";
  return state.value.panel === "map" && element.value !== null ? "arithmetic" : "activations";
}

/** The code; null where nothing has run yet. */
export async function codeOf(language: Language, verb: Verb): Promise<string | null> {
  const here = run.value.value;
  if (here === null) return null;
  if (language === "document") return `${JSON.stringify(await documentOf(here), null, 2)}\n`;
  if (language === "keras") return kerasOf(here);
  const request: Request = {
    url: urlOf(here, verb),
    hasKey: key.value !== null,
    body: await body(here, optionsOf(here, verb)),
  };
  return { curl, python, javascript }[language](request);
}

function base(): string {
  return new URL(".", document.baseURI).href.replace(/\/$/, "");
}

function urlOf({ network: { registered } }: Run, verb: Verb): string {
  return `${base()}/v1${registered === null ? "" : `/models/${encodeURIComponent(registered)}`}/${verb}`;
}

function optionsOf(here: Run, verb: Verb): Readonly<Record<string, unknown>> {
  const { training: _, edits: __, ...options } = here.options;
  if (verb === "arithmetic") return { ...options, of: element.value };
  if (verb === "explanations") return { ...asked.value };
  return { ...here.options, ...(state.value.layer !== null && { layers: [state.value.layer] }) };
}

function body({ network, input }: Run, options: Readonly<Record<string, unknown>>): Promise<JsonBody | FormBody> {
  const model = network.registered === null ? network.document : null;
  return bodyOf({ model, input, sources: chosen(state.value.inputs, network.plan.inputs), options });
}

async function documentOf({ network }: Run): Promise<NetworkJson> {
  if (network.document !== null) return network.document;
  return (await service.value.model(network.registered ?? "").document()) as NetworkJson;
}

async function kerasOf(here: Run): Promise<string> {
  const { network, input, options } = here;
  const { layer } = state.value;
  const inputs = Object.keys(network.plan.inputs);
  const { training: _, edits: __, ...scaling } = options;
  const sources = chosen(state.value.inputs, network.plan.inputs);
  return keras({
    url: `${base()}/v1/models/${encodeURIComponent(network.registered ?? PASTED)}`,
    hasKey: key.value !== null,
    document: network.registered === null ? network.document : null,
    body: await bodyOf({ model: null, input, sources, options: scaling }),
    inputs,
    layer: layer !== null && PLAIN.test(layer) && !inputs.includes(layer) ? layer : null,
  });
}
