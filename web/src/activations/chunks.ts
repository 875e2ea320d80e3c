/** Parts of tensors that are fetched one by one: maps of neighbouring channels, or a whole tensor that has no maps. */

import { type Kind, kindOf, stepOf } from "./kind.ts";

/** The number of channels in a part. */
export const CHUNK = 16;
const FLOAT_BYTES = 4;

/** Maps from one number up to another. */
export interface Wanted {
  readonly shape: readonly number[];
  readonly from: number;
  readonly to: number;
}

export interface Part {
  readonly address: string;
  readonly chunk: number;
  readonly slice: string;
  readonly bytes: number;
}

/** The first chunk of maps that is wanted and not here. */
export function partOf(
  address: string,
  { shape, from, to }: Wanted,
  isHere: (chunk: number) => boolean,
): Part | undefined {
  const kind = kindOf(shape);
  const { depth, last } = planes(kind);
  const end = Math.min(to, last);
  for (let chunk = Math.floor(from / depth / CHUNK); chunk * CHUNK * depth < end; chunk += 1) {
    if (!isHere(chunk)) return { address, chunk, ...sliceOf(shape, kind, chunk) };
  }
  return undefined;
}

function planes(kind: Kind): { depth: number; last: number } {
  return kind.kind === "maps" ? { depth: kind.depth, last: kind.count } : { depth: 1, last: 1 };
}

/** A chunk in NumPy's notation, and its bytes. */
function sliceOf(shape: readonly number[], kind: Kind, chunk: number): { slice: string; bytes: number } {
  if (kind.kind !== "maps") {
    return { slice: "0:1", bytes: shape.slice(1).reduce((product, size) => product * size, FLOAT_BYTES) };
  }
  const { depth, height, width, count } = kind;
  const step = stepOf(height, width);
  const every = step === 1 ? ":" : `::${step}`;
  const [from, to] = [chunk * CHUNK, Math.min((chunk + 1) * CHUNK, count / depth)];
  const planesOfDepth = shape.length === 5 ? [":"] : [];
  const pixels = Math.ceil(height / step) * Math.ceil(width / step) * depth;
  return {
    slice: ["0", ...planesOfDepth, every, every, `${from}:${to}`].join(", "),
    bytes: pixels * (to - from) * FLOAT_BYTES,
  };
}

export function chunkKey(address: string, chunk: number): string {
  return `${chunk} ${address}`;
}
