/** What an explanation gives for an address, as something that can be drawn. */

import type { Tensor } from "layerscope";
import type { MapView } from "../activations/tensors.ts";

export type Attribution =
  /** A value for each position. */
  | { readonly kind: "map"; readonly map: MapView; readonly isSummed: boolean }
  /** A value for each unit or channel, for each step of a sequence, or for each window over its steps. */
  | { readonly kind: "units" | "steps" | "windows"; readonly values: Float32Array };

/** n × h × w as it is; n × h × w × c and n × t × c summed over the channels; anything else value by value, of the first item. */
export function attributionOf({ shape, data }: Pick<Tensor, "shape" | "data">, isMap: boolean): Attribution {
  const [, ...axes] = shape;
  const length = axes.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length }, (_, at) => Number(data[at]));
  const [height = 1, width = 1, channels = 1] = axes;
  if (axes.length === 2 && isMap) return { kind: "map", map: mapOf(values, height, width), isSummed: false };
  if (axes.length === 2) return { kind: "steps", values: summed(values, width) };
  if (axes.length !== 3 || height * width === 1) return { kind: isMap ? "windows" : "units", values };
  return { kind: "map", map: mapOf(summed(values, channels), height, width), isSummed: channels > 1 };
}

/** The sum of every so many values. */
function summed(values: Float32Array, channels: number): Float32Array {
  const sums = new Float32Array(values.length / channels);
  for (const [at, value] of values.entries()) {
    const place = Math.floor(at / channels);
    sums[place] = (sums[place] ?? 0) + value;
  }
  return sums;
}

function mapOf(data: Float32Array, height: number, width: number): MapView {
  return { data, first: 0, rowStride: width, stride: 1, height, width, step: 1 };
}

/** Entries of the table for what speaks for and against: clear colours, neither the lightest nor the darkest. */
export const [LOW, HIGH] = [48, 200];

/** Draws a map over a picture: where it is signed, in two colours that let the picture through the nearer they are to zero. */
export function drawOver(canvas: HTMLCanvasElement, map: MapView, table: Uint32Array, isSigned: boolean): void {
  const finite = (map.data as Float32Array).filter(Number.isFinite);
  const far = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const image = new ImageData(map.width, map.height);
  const pixels = new Uint32Array(image.data.buffer);
  for (const [at, value] of (map.data as Float32Array).entries()) {
    const share = far > 0 && Number.isFinite(value) ? value / far : 0;
    const entry = isSigned ? (share > 0 ? HIGH : LOW) : Math.round(Math.max(share, 0) * (table.length - 1));
    pixels[at] = table[entry] as number;
    if (isSigned) image.data[4 * at + 3] = Math.round(255 * Math.sqrt(Math.abs(share)));
  }
  canvas.width = map.width;
  canvas.height = map.height;
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
