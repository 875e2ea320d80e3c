import { expect, test } from "vitest";
import { brief, bytes, count, figure, seconds, shape, share } from "../src/text/figures.ts";

test.each<[number | string | null, string]>([
  [0, "0"],
  [-0, "0"],
  [1200, "1200"],
  [100, "100"],
  [-312.53235, "−312.5"],
  [0.5, "0.5"],
  [0.00012, "1.2e−4"],
  [-2.5e7, "−2.5e7"],
  [Number.NaN, "NaN"],
  [Number.NEGATIVE_INFINITY, "−∞"],
  ["-Infinity", "−∞"],
  [null, "–"],
])("The figure %s reads %s.", (value, text) => {
  expect(figure(value)).toBe(text);
});

test.each<[number | string | null, number, string]>([
  [0, 3, "0"],
  [255, 3, "255"],
  [1.23456, 3, "1.23"],
  [-0.012345, 3, "−0.0123"],
  [-9.51e-11, 3, "−9.5e−11"],
  [1234.5, 3, "1.23e3"],
  [999.7, 3, "1.00e3"],
  [0.9784, 2, "0.98"],
  [-312.5, 2, "−313"],
  [0.00012, 2, "1e−4"],
  [Number.NaN, 3, "NaN"],
  [null, 3, "–"],
])("In brief, %s reads in %i digits %s.", (value, digits, text) => {
  expect(brief(value, digits)).toBe(text);
});

test("Counts, bytes, seconds, shares and shapes have their units.", () => {
  expect([count(5932), count(3_538_984), count(null)]).toEqual(["5,932", "3.54 M", "–"]);
  expect([bytes(0), bytes(512), bytes(24_352), bytes(2 ** 31)]).toEqual(["0 B", "512 B", "24 KiB", "2.0 GiB"]);
  expect([seconds(0.00004), seconds(0.0123), seconds(2.5)]).toEqual(["40 µs", "12 ms", "2.50 s"]);
  expect([share(0), share(0.001), share(0.996), share(1)]).toEqual(["0 %", "< 1 %", "99 %", "100 %"]);
  expect([shape([1, 28, 28, 3]), shape([null, null, 3]), shape([1])]).toEqual(["28 × 28 × 3", "? × 3", "1"]);
});
