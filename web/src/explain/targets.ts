/** The numbers that can be explained, as the service takes them. */

/** Which side of a number is explained: what raises it, or what lowers it (of a binary score, the other class). */
export const SIGNS = ["1", "-1"] as const;

/** `dense:pre[7]`: an address, and NumPy's index after the batch. */
export interface Parts {
  readonly address: string;
  readonly index: string | null;
}

export function partsOf(target: string): Parts {
  const [, address = target, index] = /^(.*?)(?:\[(.*)\])?$/s.exec(target) ?? [];
  return { address, index: index ?? null };
}

/** The layer that an address belongs to: that of `dense:pre` is `dense`. */
export function layerOf(address: string): string {
  return address.replace(/:pre$/, "");
}

/** A whole map, summed over its positions: of the channels, which are the last axis. */
export function mapTarget(address: string, index: readonly number[]): string {
  return `${address}[..., ${index.at(-1)}]`;
}

/** One value of it. */
export function valueTarget(address: string, index: readonly number[]): string {
  return `${address}[${index.slice(1).join(", ")}]`;
}
