/** The map of a unit with every value, from a tensor of the whole layer or of this unit alone. */

import type { TypedArray } from "layerscope";
import { kindOf } from "../activations/kind.ts";
import type { MapView, Tensors } from "../activations/tensors.ts";

/** A slice in NumPy's notation that has the map of a unit and nothing else of the layer. */
export function sliceOf(shape: readonly number[], unit: number): string {
  const kind = kindOf(shape);
  if (kind.kind === "vector") return "0:1";
  if (kind.kind === "sequence") return `0:1, :, ${unit}:${unit + 1}`;
  const [channel, plane] = [Math.floor(unit / kind.depth), unit % kind.depth];
  return `0:1, ${shape.length === 5 ? `${plane}:${plane + 1}, ` : ""}:, :, ${channel}:${channel + 1}`;
}

/** The values of such a slice as a map. */
export function mapOf(shape: readonly number[], data: TypedArray): MapView {
  const kind = kindOf(shape);
  const height = kind.kind === "maps" ? kind.height : 1;
  const width = data.length / height;
  return { data, first: 0, rowStride: width, stride: 1, height, width, step: 1 };
}

/** The map where the tensors of the run have all of it; undefined where it is to be fetched. */
export function mapIn(tensors: Tensors, address: string, shape: readonly number[], unit: number): MapView | undefined {
  const kind = kindOf(shape);
  if (kind.kind === "maps") {
    const view = tensors.map(address, shape, unit);
    return view?.step === 1 ? view : undefined;
  }
  const data = tensors.values(address, shape);
  if (data === undefined) return undefined;
  if (kind.kind === "vector") return mapOf(shape, data);
  const { steps, channels } = kind;
  return { data, first: unit, rowStride: 1, stride: channels, height: 1, width: steps, step: 1 };
}
