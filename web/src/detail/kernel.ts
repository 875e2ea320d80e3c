/** The part of a layer's kernel that makes one of its channels, as maps. */

import type { Tensor } from "layerscope";
import type { MapView } from "../activations/tensors.ts";

/** Keras' layouts: of `Conv2DTranspose` output channels come before input channels, of depthwise ones there are none. */
export function kernelMaps(type: string, { data, shape }: Pick<Tensor, "data" | "shape">, channel: number): MapView[] {
  const view = (first: number, height: number, width: number, rowStride: number, stride: number): MapView => {
    return { data, first, height, width, rowStride, stride, step: 1 };
  };
  if (shape.length === 2 && type === "Dense") {
    const [inputs, units] = shape as [number, number];
    return [view(channel, 1, inputs, 0, units)];
  }
  if (shape.length === 3 && type === "Conv1D") {
    const [steps, inputs, filters] = shape as [number, number, number];
    return [view(channel, inputs, steps, filters, inputs * filters)];
  }
  if (shape.length !== 4) return [];
  const [height, width, before, last] = shape as [number, number, number, number];
  const strides = [width * before * last, before * last] as const;
  if (type === "DepthwiseConv2D") return [view(channel, height, width, ...strides)];
  if (type === "Conv2DTranspose")
    return Array.from({ length: last }, (_, at) => view(channel * last + at, height, width, ...strides));
  if (type !== "Conv2D") return [];
  return Array.from({ length: before }, (_, at) => view(at * last + channel, height, width, ...strides));
}
