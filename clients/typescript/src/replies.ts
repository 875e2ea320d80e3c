/** Replies in every format. */

import type { Tensor } from "./dtypes.ts";
import { linesOf } from "./lines.ts";
import { readNpy } from "./npy.ts";
import { readSafetensors } from "./safetensors.ts";

/** A reply with tensors: its JSON without arrays, and the arrays by name. */
export class Run<Reply> {
  /** What the JSON reply has: the model, inputs, layers with their shapes, timing. */
  readonly reply: Reply;
  /** By address; `weights/<address>/<name>` are weights, `<address>:indices` and so on what views give. */
  readonly tensors: ReadonlyMap<string, Tensor>;

  constructor(reply: Reply, tensors: ReadonlyMap<string, Tensor>) {
    this.reply = reply;
    this.tensors = tensors;
  }

  /**
   * The tensor of an address.
   *
   * @throws RangeError where the reply has none of this name, with those that it has.
   */
  get(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) {
      throw new RangeError(`the reply has no ${name}; it has ${[...this.tensors.keys()].join(", ") || "no tensors"}`);
    }
    return tensor;
  }
}

/** A picture, with the range of its colours as the service says it. */
export interface Picture {
  readonly blob: Blob;
  readonly range: readonly [low: number, high: number] | undefined;
}

/** A reply that comes in parts: what it has beside its layers, then the layers, each when it is ready. */
export interface Stream<Reply extends { layers: unknown }> {
  readonly head: Omit<Reply, "layers">;
  readonly layers: AsyncGenerator<LayerOf<Reply>, void, undefined>;
}

export type LayerOf<Reply extends { layers: unknown }> = Reply["layers"] extends readonly (infer Layer)[]
  ? Layer
  : never;

/** What comes back, by the `format` that is asked for. */
export interface Replies<Reply extends { layers: unknown }> {
  safetensors: Run<Reply>;
  json: Reply;
  jsonl: Stream<Reply>;
  npy: Tensor;
  npz: Blob;
  png: Picture;
  svg: Picture;
}

export type Format = keyof Replies<{ layers: unknown }>;

export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  safetensors: "application/vnd.safetensors",
  json: "application/json",
  jsonl: "application/jsonl",
  npy: "application/x-npy",
  npz: "application/x-npz",
  png: "image/png",
  svg: "image/svg+xml",
};

/** Reads a response in the format that was asked for. */
export async function read<Reply extends { layers: unknown }, F extends Format>(
  response: Response,
  format: F,
): Promise<Replies<Reply>[F]> {
  const readers: { [Name in Format]: () => Promise<Replies<Reply>[Name]> } = {
    safetensors: async () => runOf(await response.arrayBuffer()),
    json: async () => (await response.json()) as Reply,
    jsonl: () => streamOf(response),
    npy: async () => readNpy(await response.arrayBuffer()),
    npz: () => response.blob(),
    png: () => pictureOf(response),
    svg: () => pictureOf(response),
  };
  return readers[format]();
}

function runOf<Reply>(file: ArrayBuffer): Run<Reply> {
  const { tensors, metadata } = readSafetensors(file);
  return new Run(JSON.parse(metadata["layerscope"] ?? "{}") as Reply, tensors);
}

async function streamOf<Reply extends { layers: unknown }>(response: Response): Promise<Stream<Reply>> {
  const lines = linesOf(response);
  const first = await lines.next();
  return { head: first.value as Omit<Reply, "layers">, layers: lines as Stream<Reply>["layers"] };
}

async function pictureOf(response: Response): Promise<Picture> {
  const [low, high] = (response.headers.get("X-Layerscope-Range") ?? "").split(",").map(Number);
  const range = low === undefined || high === undefined ? undefined : ([low, high] as const);
  return { blob: await response.blob(), range };
}
