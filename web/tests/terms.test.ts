import { expect, test } from "vitest";
import type { Step, Term } from "../src/detail/arithmetic.ts";
import { exact } from "../src/detail/exact.ts";
import { cut, ordered } from "../src/detail/terms.ts";

const TERMS: Term[] = [1, -8, 3, 0.5].map((product, at) => {
  return { name: "input", index: [0, at], value: product, weight: 1, product };
});
const STEP = {
  terms: TERMS,
  terms_total: 10,
  bias: 0.25,
  sum: 7.75,
  value: 7.75,
  formula: "",
  address: null,
  ulps: 0,
} as Step;

test("The largest products come first, whatever their sign, and the window's order is kept where it is asked for.", () => {
  expect(ordered(TERMS, "size").map((term) => term.product)).toEqual([-8, 3, 1, 0.5]);
  expect(ordered(TERMS, "window")).toBe(TERMS);
});

test("What is shown, the rest and the bias add up to the sum, also of terms that the service does not list.", () => {
  for (const count of [0, 1, 2, 4]) {
    const { shown, rest, restSum } = cut(STEP, ordered(TERMS, "size"), count);
    const shownSum = shown.reduce((sum, term) => sum + Number(term.product), 0);
    expect(shownSum + restSum + 0.25).toBe(7.75);
    expect(shown.length + rest).toBe(10);
  }
});

test("Values have the digits of a float32.", () => {
  expect([exact(0.1234567891), exact(-2.5e-7), exact(0), exact("Infinity"), exact(Math.fround(16777216))]).toEqual([
    "0.1234568",
    "−2.5e−7",
    "0",
    "∞",
    "1.677722e7",
  ]);
});
