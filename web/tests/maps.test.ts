import { readSafetensors } from "layerscope";
import { expect, test } from "vitest";
import { arrange } from "../src/activations/arrangement.ts";
import { COLOUR_MAPS, tableOf } from "../src/activations/colours.ts";
import { kindOf, stepOf } from "../src/activations/kind.ts";
import { isSilent, largest, rangeOf, spanOf } from "../src/activations/span.ts";
import { Pad, SIDE } from "../src/input/pad.ts";
import { edgeWeights } from "../src/network/edges.ts";
import { writeSafetensors } from "../src/network/safetensors_file.ts";

test("Tensors are shown by their shape.", () => {
  expect(kindOf([1, 28, 28, 3])).toEqual({ kind: "maps", count: 3, depth: 1, height: 28, width: 28 });
  expect(kindOf([1, 5, 6, 7, 2])).toEqual({ kind: "maps", count: 10, depth: 5, height: 6, width: 7 });
  expect(kindOf([1, 12, 16])).toEqual({ kind: "sequence", steps: 12, channels: 16 });
  for (const shape of [[1, 10], [1], [1, 1, 1, 10], [1, 128, 1]]) expect(kindOf(shape).kind).toBe("vector");
});

test("Only maps larger than the screen shows are thinned.", () => {
  expect([stepOf(28, 28), stepOf(160, 160), stepOf(224, 224), stepOf(3, 1000)]).toEqual([1, 1, 2, 7]);
});

const SIZE = { width: 84, height: 84 };

test("Maps stand in one line, or in as many lines as the width asks for.", () => {
  expect(arrange(1000, SIZE, Number.POSITIVE_INFINITY)).toMatchObject({ columns: 1000, height: 104 });
  const { columns, place, height } = arrange(10, SIZE, 400);
  expect([columns, place(0), place(5), height]).toEqual([4, { left: 0, top: 0 }, { left: 92, top: 104 }, 312]);
  expect(arrange(3, SIZE, 10).columns).toBe(1);
});

const view = {
  data: Float32Array.of(0, -2, 0, Number.NaN, 0, 5),
  first: 1,
  rowStride: 4,
  stride: 2,
  height: 2,
  width: 1,
  step: 1,
};

test("Ranges, spans and dead maps count finite values of the map alone.", () => {
  expect(rangeOf(view)).toEqual({ min: -2, max: 5 });
  expect(rangeOf({ ...view, first: 3, height: 1 })).toEqual({ min: 0, max: 0 });
  expect([isSilent(view), isSilent({ ...view, first: 0 })]).toEqual([false, true]);
  const layer = { min: -1, max: 4 };
  expect(spanOf("symmetric", layer, () => layer)).toEqual([-4, 4]);
  expect(spanOf("layer", layer, () => layer)).toEqual([-1, 4]);
  expect(spanOf("map", layer, () => rangeOf(view))).toEqual([-2, 5]);
});

test("The largest units come first; NaN is none of them, and equal ones keep their order.", () => {
  expect(largest(Float32Array.of(1, Number.NaN, 3, 3, -1), 3)).toEqual([2, 3, 0]);
});

/** Relative luminance of sRGB. Source: IEC 61966-2-1. */
function luminance(bits: number): number {
  const linear = [bits & 255, (bits >> 8) & 255, (bits >> 16) & 255].map((value) => {
    return value <= 10 ? value / 3294 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
}

test.each([...COLOUR_MAPS])("%s orders values by lightness, so that it reads without colour.", (name) => {
  const light = [...tableOf(name, false)].map(luminance);
  const rising = (values: number[]) => values.every((value, at) => at === 0 || value >= (values[at - 1] ?? 0) - 0.002);
  if (name !== "balance") expect(rising(light)).toBe(true);
  else expect([rising(light.slice(0, 128)), rising(light.slice(128).reverse())]).toEqual([true, true]);
});

test("The middle of balance is the ground of the page, light or dark.", () => {
  const [light, dark] = [false, true].map((isDark) => luminance(tableOf("balance", isDark)[128] ?? 0));
  expect(light).toBeGreaterThan(0.9);
  expect(dark).toBeLessThan(0.02);
});

test("A file of tensors is read as what was written.", async () => {
  const values = Float32Array.of(1, -2.5, 3);
  const { tensors } = readSafetensors(
    await writeSafetensors({ a: { shape: [3], values }, b: { shape: [1, 3], values } }).arrayBuffer(),
  );
  expect([...tensors.keys()]).toEqual(["a", "b"]);
  expect(tensors.get("b")).toEqual({ dtype: "float32", shape: [1, 3], data: values });
});

test("The kernels of edges sum to 0, those that keep the picture to 1.", async () => {
  const { tensors } = readSafetensors(await edgeWeights().arrayBuffer());
  const { shape = [], data = [] } = tensors.get("kernels/kernel") ?? {};
  expect(shape).toEqual([3, 3, 1, 8]);
  const sums = Array.from({ length: 8 }, (_, filter) =>
    [...data].filter((_, at) => at % 8 === filter).reduce((sum: number, weight) => sum + Number(weight), 0),
  );
  expect(sums).toEqual([1, 0, 0, 0, 0, 0, 1, 1]);
  expect(Number(data[8 + 1])).toBe(0); // row 0, column 1 of Sobel x
  expect(Number(data[8 + 2])).toBe(-2); // … and of Sobel y
});

test("A stroke is brightest on its line, soft at its edge, and black elsewhere.", () => {
  const pad = new Pad();
  pad.line({ x: 5.5, y: 14.5 }, { x: 20.5, y: 14.5 });
  const at = (x: number, y: number) => pad.pixels[y * SIDE + x] ?? 0;
  expect([at(10, 14), at(10, 5), at(25, 14)]).toEqual([255, 0, 0]);
  expect(at(10, 15)).toBeGreaterThan(100);
  expect(at(10, 16)).toBeLessThan(at(10, 15));
  pad.clear();
  expect(pad.pixels.every((value) => value === 0)).toBe(true);
});
