import { expect, test } from "vitest";
import { valuesOf } from "../src/activations/span.ts";
import { kernelMaps } from "../src/detail/kernel.ts";

/** Values that say where they are: 1000 a + 100 b + 10 c + d at [a, b, c, d]. */
function numbered(shape: readonly number[]): Float32Array {
  const length = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length }, (_, at) => {
    let rest = at;
    return [...shape].reverse().reduce((sum, size, axis) => {
      const place = rest % size;
      rest = Math.floor(rest / size);
      return sum + place * 10 ** axis;
    }, 0);
  });
}

function values(type: string, shape: readonly number[], channel: number): number[][] {
  return kernelMaps(type, { data: numbered(shape), shape: [...shape] }, channel).map((map) => [...valuesOf(map)]);
}

test("A convolution has a map for each channel that it reads.", () => {
  expect(values("Conv2D", [2, 2, 2, 3], 1)).toEqual([
    [1, 101, 1001, 1101],
    [11, 111, 1011, 1111],
  ]);
});

test("A transposed convolution has its output channels before those that it reads.", () => {
  expect(values("Conv2DTranspose", [1, 2, 3, 2], 2)).toEqual([
    [20, 120],
    [21, 121],
  ]);
});

test("A depthwise convolution reads one channel; its maps are counted channel by channel.", () => {
  expect(values("DepthwiseConv2D", [1, 2, 2, 2], 3)).toEqual([[11, 111]]);
});

test("A dense layer has the row of its unit, a convolution over time rows of channels.", () => {
  expect(values("Dense", [3, 2], 1)).toEqual([[1, 11, 21]]);
  expect(values("Conv1D", [2, 2, 2], 1)).toEqual([[1, 101, 11, 111]]);
  expect(values("LSTM", [3, 2], 1)).toEqual([]);
});
