/** How a tensor is shown, by its shape: as maps, as a sequence, or as a vector. The batch is its first axis. */

export type Kind =
  /** n × h × w × c, or n × d × h × w × c with a map for each channel and depth. */
  | {
      readonly kind: "maps";
      readonly count: number;
      readonly depth: number;
      readonly height: number;
      readonly width: number;
    }
  /** n × t × c, of several channels. */
  | { readonly kind: "sequence"; readonly steps: number; readonly channels: number }
  /** Anything else: the values of one item in a row. */
  | { readonly kind: "vector"; readonly length: number };

export function kindOf(shape: readonly number[]): Kind {
  const [, ...axes] = shape;
  const length = axes.reduce((product, size) => product * size, 1);
  if (axes.length === 4 || axes.length === 3) {
    const [depth, height, width, channels] = (axes.length === 3 ? [1, ...axes] : axes) as [
      number,
      number,
      number,
      number,
    ];
    if (height * width > 1) return { kind: "maps", count: channels * depth, depth, height, width };
  }
  const [steps = 0, channels = 0] = axes;
  if (axes.length === 2 && channels > 1) return { kind: "sequence", steps, channels };
  return { kind: "vector", length };
}

/** Every how many pixels one is fetched, where a map is too large to be seen pixel by pixel. */
export function stepOf(height: number, width: number): number {
  return Math.max(1, Math.ceil(Math.max(height, width) / LARGEST_SIDE));
}

const LARGEST_SIDE = 160;
