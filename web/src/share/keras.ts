/** The network in Keras, with its weights, on the input that the page shows. */

import type { NetworkJson } from "../network/address.ts";
import { KEY_HEADER, literal, opened } from "./python.ts";
import type { FormBody, Json, JsonBody } from "./request.ts";

export interface KerasParts {
  /** `http://…/v1/models/digits`. */
  readonly url: string;
  readonly hasKey: boolean;
  /** A network that is not registered yet; the code registers it, since Keras' own JSON is asked of the service. */
  readonly document: NetworkJson | null;
  /** The request's inputs and how pixels become numbers. */
  readonly body: JsonBody | FormBody;
  readonly inputs: readonly string[];
  /** The layer that is looked at, where Keras finds it by its name. */
  readonly layer: string | null;
}

export function keras({ url, hasKey, document, body, inputs, layer }: KerasParts): string {
  const result = layer === null ? "model" : `keras.Model(model.inputs, model.get_layer(${literal(layer)}).output)`;
  return [
    "import io",
    ...(hasKey ? ["import os"] : []),
    "",
    "import httpx",
    "import keras",
    "import numpy as np",
    "",
    `url = ${literal(url)}`,
    `service = httpx.Client(${hasKey ? `${KEY_HEADER}, ` : ""}timeout=600)`,
    ...(document === null ? [] : [`service.put(url, json=${literal(document as Json)}).raise_for_status()`]),
    'written = service.get(url, params={"as": "keras"}).raise_for_status()',
    "model = keras.models.model_from_json(written.text)",
    'file = service.get(f"{url}/weights", params={"format": "npz"}).raise_for_status()',
    "weights = np.load(io.BytesIO(file.content))",
    "model.set_weights([weights[name] for name in weights.files])",
    "",
    ...inputLines(body, inputs),
    `print(${result}(inputs))`,
    "",
  ].join("\n");
}

/** The inputs as the network gets them: resized, scaled, in the order of Keras' inputs. */
function inputLines(body: JsonBody | FormBody, inputs: readonly string[]): string[] {
  const taken =
    inputs.length === 1
      ? `seen[${literal(inputs[0] ?? "")}]`
      : `[${inputs.map((name) => `seen[${literal(name)}]`).join(", ")}]`;
  return [
    `reply = service.post(f"{url}/activations", ${sent(body, inputs)}).raise_for_status()`,
    "seen = np.load(io.BytesIO(reply.content))",
    `inputs = ${taken}`,
  ];
}

/** What is posted to get them; files are read where the code runs. */
function sent(body: JsonBody | FormBody, inputs: readonly string[]): string {
  if (body.kind === "json") return `json=${literal({ ...body.json, layers: inputs, format: "npz" })}`;
  const fields = { ...body.fields, layers: JSON.stringify(inputs), format: "npz" };
  return `data=${literal(fields)}, files=${opened(body.files)}`;
}
