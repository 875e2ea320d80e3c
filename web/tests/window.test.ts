import { expect, test } from "vitest";
import type { Step, Term } from "../src/detail/arithmetic.ts";
import { windowsOf } from "../src/detail/window.ts";

function term(row: number, column: number, channel: number, product: number): Term {
  return { name: "input", index: [0, row, column, channel], value: product, weight: 1, product };
}

function step(terms: Term[]): Step {
  return { terms, terms_total: terms.length, bias: 0, sum: 0, value: 0, formula: "", address: null, ulps: 0 } as Step;
}

test("The window is put together by place, the channel that contributes most first; the padding stays empty.", () => {
  const terms = [term(2, 5, 0, 1), term(4, 3, 1, -9), term(2, 3, 0, 2), term(2, 5, 1, 3)];
  const windows = windowsOf(step(terms));
  expect(windows.map(({ channel, sum }) => [channel, sum])).toEqual([
    [1, -6],
    [0, 3],
  ]);
  expect(windows[1]?.cells.map((row) => row.map((cell) => cell?.product ?? null))).toEqual([
    [2, 1],
    [null, null],
  ]);
});

test("A sum over a vector, or of one value, is no window.", () => {
  expect(windowsOf(step([{ ...term(0, 0, 0, 1), index: [0, 4] }]))).toEqual([]);
  expect(windowsOf(step([term(1, 1, 0, 1)]))).toEqual([]);
  expect(windowsOf(step([]))).toEqual([]);
});
