import { expect, test } from "vitest";
import { outlineOf, rangeText } from "../src/detail/box.ts";

/** `box("0:1", "2:5")`: the ends of each axis. */
function box(...ranges: readonly string[]): number[][] {
  return ranges.map((range) => range.split(":").map(Number));
}

const BOX = box("0:1", "2:5", "4:7", "1:3");

test("The outline is the box in shares of the map, in the channels of the box alone.", () => {
  expect(outlineOf([1, 10, 20, 4], 1, BOX)).toEqual({ top: 0.2, height: 0.3, left: 0.2, width: 0.15 });
  expect([outlineOf([1, 10, 20, 4], 0, BOX), outlineOf([1, 10, 20, 4], 3, BOX)]).toEqual([null, null]);
});

test("A tensor of other axes has no outline, nor has an empty box.", () => {
  expect(outlineOf([1, 10, 20], 1, BOX)).toBeNull();
  expect(outlineOf([1, 10, 20, 4], 1, box("0:1", "2:2", "4:7", "1:3"))).toBeNull();
});

test("Of a sequence the outline lies in the picture of all channels, of a vector in its row.", () => {
  const sequence = outlineOf([1, 10, 4], 0, box("0:1", "2:5", "1:2"));
  expect(sequence).toEqual({ top: 0.25, height: 0.25, left: 0.2, width: 0.3 });
  expect(outlineOf([1, 10], 0, box("0:1", "2:5"))).toEqual({ top: 0, height: 1, left: 0.2, width: 0.3 });
});

test("A box is written as slices, without its batch.", () => {
  expect(rangeText(box("0:1", "2:5", "4:5", "1:3"))).toBe("2:5, 4, 1:3");
});
