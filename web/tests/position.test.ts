import { expect, test } from "vitest";
import { indexOf, largestPosition, moved, positionIn, unitsOf, valueAt } from "../src/detail/position.ts";

/** The values 0, 1, 2, … of an array of a shape in C order, at an index: what NumPy's ravel_multi_index says. */
function ravelled(shape: readonly number[], index: readonly number[]): number {
  return index.reduce((at, place, axis) => at * (shape[axis] ?? 0) + place, 0);
}

test("The index of a place in a map names rows, columns and the channel.", () => {
  expect(indexOf([1, 5, 7, 3], 2, { row: 4, column: 6 })).toEqual([0, 4, 6, 2]);
  expect(indexOf([1, 2, 5, 7, 3], 5, { row: 1, column: 2 })).toEqual([0, 1, 1, 2, 2]); // channel 2, depth 1
});

test("A sequence has a row for each channel, a vector one row of all its axes.", () => {
  expect(indexOf([1, 9, 4], 3, { row: 0, column: 8 })).toEqual([0, 8, 3]);
  expect([unitsOf([1, 9, 4]), unitsOf([1, 10]), unitsOf([1, 5, 7, 3])]).toEqual([4, 1, 3]);
  for (const at of [0, 11, 39]) {
    expect(ravelled([1, 1, 1, 40], indexOf([1, 1, 1, 40], 0, { row: 0, column: at }))).toBe(at);
  }
});

test("A place of the address that the map has not is none.", () => {
  const map = { height: 4, width: 6 };
  expect(positionIn("3,5", map)).toEqual({ row: 3, column: 5 });
  expect([positionIn("4,5", map), positionIn("3,6", map), positionIn("-1,0", map), positionIn(null, map)]).toEqual([
    null,
    null,
    null,
    null,
  ]);
});

test("Keys go to neighbours and stop at the edge; other keys go nowhere.", () => {
  const map = { height: 4, width: 6 };
  expect(moved("ArrowRight", { row: 0, column: 5 }, map)).toEqual({ row: 0, column: 5 });
  expect(moved("PageDown", { row: 0, column: 2 }, map)).toEqual({ row: 3, column: 2 });
  expect(moved("a", { row: 0, column: 0 }, map)).toBeNull();
});

test("The first place is the largest finite value, by its strides.", () => {
  const data = Float32Array.from([9, 1, 9, 5, 9, Number.NaN, 9, Number.POSITIVE_INFINITY]);
  const map = { data, first: 1, rowStride: 4, stride: 2, height: 2, width: 2, step: 1 }; // 1 5 / NaN ∞
  expect(largestPosition(map)).toEqual({ row: 0, column: 1 });
  expect(valueAt(map, { row: 0, column: 1 })).toBe(5);
});
