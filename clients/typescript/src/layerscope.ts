/** The client of a Layerscope service. */

import { Connection, type LayerscopeOptions } from "./connection.ts";
import { blobOf, type FileContent, isFile } from "./inputs.ts";
import { Model, RegisteredModel } from "./model.ts";
import type {
  Cancellable,
  Document,
  LayerType,
  LayerTypeList,
  ModelList,
  ModelSummary,
  Readiness,
  RegisteredModelReply,
  Version,
} from "./types.ts";

/** What a model is registered with beside its document or file. */
export interface PutOptions extends Cancellable {
  /** A file of weights, for a document. */
  readonly weights?: FileContent | undefined;
  /** Names of the output's units: a list, by output, or a `labels.txt`. */
  readonly labels?: readonly string[] | Readonly<Record<string, readonly string[]>> | FileContent | undefined;
}

export class Layerscope {
  readonly #connection: Connection;

  /** `url` is where the service is, with the path before `/v1` if there is one: `http://127.0.0.1:8000`. */
  constructor(url: string, options: LayerscopeOptions = {}) {
    this.#connection = new Connection(url, options);
  }

  /** A registered model, by name or id; or a network described by a document, which every request then carries. */
  model(name: string): RegisteredModel;
  model(document: Document): Model;
  model(model: string | Document): Model {
    return typeof model === "string"
      ? new RegisteredModel(this.#connection, model)
      : new Model(this.#connection, "", model);
  }

  /**
   * Registers a model, or moves the name to it: a document, or a file. A file is a document or `model.to_json()` as
   * JSON, or a whole model with its weights: .keras, .h5, or a SavedModel folder in a .zip.
   */
  async put(name: string, model: Document | FileContent, options: PutOptions = {}): Promise<RegisteredModelReply> {
    const form = new FormData();
    if (!isFile(model)) form.append("model", JSON.stringify(model));
    else form.append((await isJson(blobOf(model))) ? "model" : "weights", blobOf(model), "file");
    if (options.weights !== undefined) form.append("weights", blobOf(options.weights), "file");
    const { labels, signal } = options;
    if (isFile(labels)) form.append("labels", blobOf(labels), "labels.txt");
    else if (labels !== undefined) form.append("labels", JSON.stringify(labels));
    return this.#connection.json(pathOf(name), { method: "PUT", body: form, signal });
  }

  /** What is registered under a name or an id: id, inputs, layers and their edges. */
  get(name: string, options: Cancellable = {}): Promise<ModelSummary> {
    return this.model(name).summary(options);
  }

  /** Removes a name. */
  delete(name: string, options: Cancellable = {}): Promise<void> {
    return this.model(name).delete(options);
  }

  /** Every registered name. */
  models({ signal }: Cancellable = {}): Promise<ModelList> {
    return this.#connection.json("/v1/models", { signal });
  }

  /** The catalogue of layers. */
  layers({ signal }: Cancellable = {}): Promise<LayerTypeList> {
    return this.#connection.json("/v1/layers", { signal });
  }

  /** One type of layer, with the JSON Schema of its arguments and a document that works. */
  layer(type: string, { signal }: Cancellable = {}): Promise<LayerType> {
    return this.#connection.json(`/v1/layers/${encodeURIComponent(type)}`, { signal });
  }

  /** Whether the front answers. */
  async health({ signal }: Cancellable = {}): Promise<boolean> {
    return (await this.#connection.json<{ live: boolean }>("/healthz", { signal })).live;
  }

  /** Whether an engine is ready, and if not, why; 503 is such a reply and no error. */
  ready({ signal }: Cancellable = {}): Promise<Readiness> {
    return this.#connection.json("/readyz", { expected: [503], signal });
  }

  /** The versions of the service and of what computes. */
  version({ signal }: Cancellable = {}): Promise<Version> {
    return this.#connection.json("/version", { signal });
  }
}

function pathOf(name: string): string {
  return `/v1/models/${encodeURIComponent(name)}`;
}

/** Whether a file begins as JSON does, after white space and a byte order mark. */
async function isJson(file: Blob): Promise<boolean> {
  return /^[\ufeff\s]*[[{"]/.test(await file.slice(0, 256).text());
}
