/** The network in Keras, with its weights, on the input that the page shows. */

import type { NetworkJson } from "../network/address.ts";
import { literal } from "./python.ts";
import type { Json, JsonBody } from "./request.ts";

export interface KerasParts {
  /** `http://…/v1/models/digits`. */
  readonly url: string;
  /** A network that is not registered yet; the code registers it, since Keras' own JSON is asked of the service. */
  readonly document: NetworkJson | null;
  /** The request's inputs and how pixels become numbers; null for a file of the reader. */
  readonly body: JsonBody | null;
  readonly inputs: readonly string[];
  /** The layer that is looked at, where Keras finds it by its name. */
  readonly layer: string | null;
}

export function keras({ url, document, body, inputs, layer }: KerasParts): string {
  const result = layer === null ? "model" : `keras.Model(model.inputs, model.get_layer(${literal(layer)}).output)`;
  return [
    "import io",
    "",
    "import httpx",
    "import keras",
    "import numpy as np",
    "",
    `url = ${literal(url)}`,
    ...(document === null ? [] : [`httpx.put(url, json=${literal(document as Json)}, timeout=600).raise_for_status()`]),
    'written = httpx.get(url, params={"as": "keras"}).raise_for_status()',
    "model = keras.models.model_from_json(written.text)",
    'file = httpx.get(f"{url}/weights", params={"format": "npz"}, timeout=600).raise_for_status()',
    "weights = np.load(io.BytesIO(file.content))",
    "model.set_weights([weights[name] for name in weights.files])",
    "",
    ...(body === null ? [] : inputLines(body, inputs)),
    ...(body === null ? [] : [`print(${result}(inputs))`]),
    "",
  ].join("\n");
}

/** The inputs as the network gets them: resized, scaled, in the order of Keras' inputs. */
function inputLines({ json }: JsonBody, inputs: readonly string[]): string[] {
  const asked = literal({ ...json, layers: inputs, format: "npz" });
  const taken =
    inputs.length === 1
      ? `seen[${literal(inputs[0] ?? "")}]`
      : `[${inputs.map((name) => `seen[${literal(name)}]`).join(", ")}]`;
  return [
    `reply = httpx.post(f"{url}/activations", json=${asked}, timeout=600).raise_for_status()`,
    "seen = np.load(io.BytesIO(reply.content))",
    `inputs = ${taken}`,
  ];
}
