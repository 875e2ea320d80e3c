/** A convolution whose kernels are written down: edges, blur and their kin. */

import type { NetworkJson } from "./address.ts";
import { writeSafetensors } from "./safetensors_file.ts";

/** Rows of 3 × 3 kernels. Source: Gonzalez and Woods, Digital Image Processing, chapters 3 and 10. */
const KERNELS: Readonly<Record<string, readonly number[]>> = {
  identity: [0, 0, 0, 0, 1, 0, 0, 0, 0],
  "Sobel x": [-1, 0, 1, -2, 0, 2, -1, 0, 1],
  "Sobel y": [-1, -2, -1, 0, 0, 0, 1, 2, 1],
  "diagonal \\": [-2, -1, 0, -1, 0, 1, 0, 1, 2],
  "diagonal /": [0, 1, 2, -1, 0, 1, -2, -1, 0],
  Laplacian: [0, 1, 0, 1, -4, 1, 0, 1, 0],
  blur: [1, 2, 1, 2, 4, 2, 1, 2, 1].map((weight) => weight / 16),
  sharpen: [0, -1, 0, -1, 5, -1, 0, -1, 0],
};

const FILTERS = Object.keys(KERNELS).length;
/** All are outputs, so that the channels of all have the names of the kernels. */
const LAYERS = ["kernels", "re_lu", "max_pooling2d"];

export const edges: NetworkJson = {
  name: "edges",
  input: [112, 112, 1],
  scale: "unit",
  outputs: LAYERS,
  labels: Object.fromEntries(LAYERS.map((name) => [name, Object.keys(KERNELS)])),
  layers: [
    { type: "Conv2D", name: "kernels", filters: FILTERS, kernel_size: 3, padding: "same", use_bias: false },
    { type: "ReLU" },
    { type: "MaxPooling2D" },
  ],
};

/** The kernel as Keras has it: height, width, 1 input channel, filters. */
export function edgeWeights(): Blob {
  const kernels = Object.values(KERNELS);
  const values = Float32Array.from({ length: 9 * FILTERS }, (_, at) => {
    return kernels[at % FILTERS]?.[Math.floor(at / FILTERS)] ?? 0;
  });
  return writeSafetensors({ "kernels/kernel": { shape: [3, 3, 1, FILTERS], values } });
}
