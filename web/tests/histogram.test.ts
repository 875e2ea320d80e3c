import { expect, test } from "vitest";
import { binOf, histogramOf } from "../src/detail/histogram.ts";

function mapOf(...values: number[]) {
  return {
    data: Float32Array.from(values),
    first: 0,
    rowStride: values.length,
    stride: 1,
    height: 1,
    width: values.length,
    step: 1,
  };
}

test("Bins are of equal width, the last one holds the largest value.", () => {
  const histogram = histogramOf(mapOf(0, 1, 2, 3, 4, Number.NaN), 4);
  expect(histogram).toEqual({ min: 0, max: 4, counts: [1, 1, 1, 2], notFinite: 1 }); // numpy.histogram([0..4], 4)
  expect([binOf(histogram as never, 0), binOf(histogram as never, 4)]).toEqual([0, 3]);
});

test("A constant map has one bin, one without finite values none.", () => {
  expect(histogramOf(mapOf(2, 2), 8)?.counts).toEqual([2]);
  expect(histogramOf(mapOf(Number.POSITIVE_INFINITY), 8)).toBeNull();
});
