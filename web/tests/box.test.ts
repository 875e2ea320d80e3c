import { expect, test } from "vitest";
import { outlineOf, rangeText } from "../src/detail/box.ts";

const BOX = [
  [0, 1],
  [2, 5],
  [4, 7],
  [1, 3],
]; // prettier-ignore

test("The outline is the box in shares of the map, in the channels of the box alone.", () => {
  expect(outlineOf([1, 10, 20, 4], 1, BOX)).toEqual({ top: 0.2, height: 0.3, left: 0.2, width: 0.15 });
  expect([outlineOf([1, 10, 20, 4], 0, BOX), outlineOf([1, 10, 20, 4], 3, BOX)]).toEqual([null, null]);
});

test("What is no map has no outline, nor has an empty box.", () => {
  expect(
    outlineOf([1, 10], 0, [
      [0, 1],
      [2, 5],
    ]),
  ).toBeNull();
  expect(
    outlineOf([1, 10, 20, 4], 1, [
      [0, 1],
      [2, 2],
      [4, 7],
      [1, 3],
    ]),
  ).toBeNull();
});

test("A box is written as slices, without its batch.", () => {
  expect(
    rangeText([
      [0, 1],
      [2, 5],
      [4, 5],
      [1, 3],
    ]),
  ).toBe("2:5, 4, 1:3");
});
