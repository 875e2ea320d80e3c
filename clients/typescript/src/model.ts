/** What can be asked of one network: registered under a name, or described by a document in every request. */

import type { Connection } from "./connection.ts";
import { appendInput, blobOf, type FileContent, type Input, jsonOf } from "./inputs.ts";
import { type Format, MEDIA_TYPES, type Replies, type Run, read } from "./replies.ts";
import type {
  ActivationOptions,
  ActivationsReply,
  ArithmeticOptions,
  ArithmeticReply,
  Cancellable,
  ComparisonOptions,
  ComparisonReply,
  ComparisonSide,
  DiagnosisOptions,
  DiagnosisReply,
  Document,
  ExplanationOptions,
  ExplanationReply,
  ModelSummary,
  PlanOptions,
  PlanReply,
  RegisteredModelReply,
  WeightsReply,
} from "./types.ts";

type In<F extends Format> = Cancellable & { readonly format?: F };

export class Model {
  protected readonly connection: Connection;
  readonly #document: Document | undefined;
  readonly #path: string;

  constructor(connection: Connection, path: string, document?: Document) {
    this.connection = connection;
    this.#path = path;
    this.#document = document;
  }

  /** The document as every request has it. */
  get #text(): string | undefined {
    return this.#document === undefined ? undefined : JSON.stringify(this.#document);
  }

  /** Every layer's activations, or those of `layers`, after views and edits; by default tensors in a `Run`. */
  activations<F extends Format = "safetensors">(
    input: Input,
    options: ActivationOptions & In<F> = {},
  ): Promise<Replies<ActivationsReply>[F]> {
    return this.#run("activations", input, { format: "safetensors" as F, ...options });
  }

  /** What one number of the network depends on; by default maps in a `Run`. */
  explain<F extends Format = "safetensors">(
    input: Input,
    options: ExplanationOptions & In<F> = {},
  ): Promise<Replies<ExplanationReply>[F]> {
    return this.#run("explanations", input, { format: "safetensors" as F, ...options });
  }

  /** How one number came about, step by step. */
  arithmetic<F extends Format = "json">(
    input: Input,
    options: ArithmeticOptions & In<F>,
  ): Promise<Replies<ArithmeticReply>[F]> {
    return this.#run("arithmetic", input, { format: "json" as F, ...options });
  }

  /** How far two runs are apart: `b` says what differs from this model on this input. */
  async compare<F extends Format = "json">(
    input: Input | undefined,
    options: ComparisonOptions & In<F>,
  ): Promise<Replies<ComparisonReply>[F]> {
    const { a, b, ...rest } = options;
    const sides = { ...(a && { a: await side(a) }), b: await side(b) };
    return this.#run("comparisons", input, { format: "json" as F, ...rest, ...sides });
  }

  /** What is wrong with the network's layers, seen by a batch of inputs. */
  diagnose(input: Input, options: DiagnosisOptions & Cancellable = {}): Promise<DiagnosisReply> {
    return this.#run<DiagnosisReply, "json">("diagnoses", input, { format: "json", ...options });
  }

  /** Shapes, bytes, parameters, multiply-adds, receptive fields and seconds, without running anything. */
  plan({ signal, ...options }: PlanOptions & Cancellable = {}): Promise<PlanReply> {
    const model = this.#document === undefined ? {} : { model: this.#document };
    const query =
      this.#document === undefined ? { model: decodeURIComponent(this.#path.slice("/models/".length)) } : {};
    const body = JSON.stringify({ ...options, ...model });
    return this.connection.json("/v1/plan", { method: "POST", query, body, signal, document: this.#text });
  }

  async #run<Reply extends { layers: unknown }, F extends Format>(
    verb: string,
    input: Input | undefined,
    { format, signal, ...options }: Cancellable & { readonly format: F },
  ): Promise<Replies<Reply>[F]> {
    const form = new FormData();
    const document = this.#text;
    if (document !== undefined) form.append("model", document);
    if (input !== undefined) appendInput(form, input);
    for (const [name, value] of Object.entries(options)) {
      if (value !== undefined) form.append(name, typeof value === "string" ? value : JSON.stringify(value));
    }
    const path = `/v1${this.#path}/${verb}`;
    const request = { method: "POST", accept: MEDIA_TYPES[format], body: form, signal, document };
    return read<Reply, F>(await this.connection.send(path, request), format);
  }
}

/** A network that is registered with the service. */
export class RegisteredModel extends Model {
  readonly name: string;
  readonly #path: string;

  constructor(connection: Connection, name: string) {
    const path = `/models/${encodeURIComponent(name)}`;
    super(connection, path);
    this.name = name;
    this.#path = `/v1${path}`;
  }

  /** Its id, inputs, layers and their edges, and labels. */
  summary({ signal }: Cancellable = {}): Promise<ModelSummary> {
    return this.connection.json(this.#path, { signal });
  }

  /** Its document. */
  document({ signal }: Cancellable = {}): Promise<Document> {
    return this.connection.json(this.#path, { query: { as: "document" }, signal });
  }

  /** All weights, `weights/<address>/<name>`, or those of one layer or block. */
  weights(options: Cancellable & { readonly layer?: string } = {}): Promise<Run<WeightsReply>> {
    return this.#weights("safetensors", options);
  }

  /** A layer's kernel as a picture. */
  picture(layer: string, options: Cancellable & { readonly [option: string]: unknown } = {}) {
    return this.#weights("png", { layer, ...options });
  }

  /** Replaces the weights with those of a file. */
  putWeights(file: FileContent, { signal }: Cancellable = {}): Promise<RegisteredModelReply> {
    return this.connection.json(`${this.#path}/weights`, { method: "PUT", body: blobOf(file), signal });
  }

  /** Removes the name. */
  async delete({ signal }: Cancellable = {}): Promise<void> {
    await this.connection.send(this.#path, { method: "DELETE", signal });
  }

  async #weights<F extends Format>(format: F, { layer, signal, ...options }: Cancellable & { layer?: string }) {
    const address = layer === undefined ? "" : `/layers/${layer.split("/").map(encodeURIComponent).join("/")}`;
    const query = Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]));
    const request = { query, accept: MEDIA_TYPES[format], signal };
    return read<WeightsReply, F>(await this.connection.send(`${this.#path}${address}/weights`, request), format);
  }
}

async function side({ inputs, ...rest }: ComparisonSide): Promise<object> {
  return inputs === undefined ? rest : { ...rest, inputs: await jsonOf(inputs) };
}
