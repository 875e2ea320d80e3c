/** Networks to begin with. Those of the repository's examples are bundled; two have weights. */

import block from "../../../examples/block.json";
import digits from "../../../examples/digits.json";
import lstm from "../../../examples/lstm.json";
import residual from "../../../examples/residual.json";
import siamese from "../../../examples/siamese.json";
import unet from "../../../examples/unet.json";
import type { NetworkJson } from "./address.ts";
import digitsUrl from "./digits.safetensors?url";
import { edges, edgeWeights } from "./edges.ts";

export interface Preset {
  readonly document: NetworkJson;
  /** A file of weights, and the name that the document gets with them. */
  readonly weights?: { readonly name: string; readonly file: () => Promise<Blob> };
}

const DIGITS = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const CONV = { type: "Conv2D", kernel_size: 3, padding: "same", activation: "relu" };

/** VGG's pattern, two convolutions and a pooling, at the size of small pictures. */
const vgg: NetworkJson = {
  name: "vgg",
  seed: 0,
  input: [64, 64, 3],
  scale: "unit",
  layers: [
    ...[8, 16, 32].flatMap((filters) => [{ ...CONV, filters }, { ...CONV, filters }, { type: "MaxPooling2D" }]),
    { type: "Flatten" },
    { type: "Dense", units: 64, activation: "relu" },
    { type: "Dense", units: 10, activation: "softmax" },
  ],
};

const signal: NetworkJson = {
  name: "signal",
  seed: 0,
  input: [128, 1],
  layers: [
    { type: "Conv1D", filters: 8, kernel_size: 9, padding: "same", activation: "relu" },
    { type: "MaxPooling1D", pool_size: 2 },
    { type: "Conv1D", filters: 16, kernel_size: 5, padding: "same", activation: "relu" },
    { type: "GlobalAveragePooling1D" },
    { type: "Dense", units: 4, activation: "softmax" },
  ],
};

export const PRESETS: Readonly<Record<string, Preset>> = {
  digits: {
    document: { ...digits, scale: "unit", labels: DIGITS },
    weights: { name: "example-digits", file: () => fetched(digitsUrl) },
  },
  edges: { document: edges, weights: { name: "example-edges", file: async () => edgeWeights() } },
  vgg: { document: vgg },
  residual: { document: residual },
  unet: { document: unet },
  blocks: { document: block },
  signal: { document: signal },
  lstm: { document: lstm },
  siamese: { document: siamese },
};

async function fetched(url: string): Promise<Blob> {
  return (await fetch(url)).blob();
}
