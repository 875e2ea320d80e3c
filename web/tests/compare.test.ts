import { expect, test } from "vitest";
import { fragmentOf, isStep, stateOf } from "../src/app/state.ts";
import { addressOf, type Made, pinField } from "../src/compare/address.ts";
import { changes } from "../src/compare/changes.ts";
import { lengthOf, numberOf } from "../src/compare/relative.ts";
import type { InputSource } from "../src/input/address.ts";

const FIRST: Made = { model: { kind: "preset", name: "digits" }, inputs: {}, training: false, edits: [] };
const CHANGED: Made = {
  model: { kind: "registered", name: "a&b=c" },
  inputs: { "": { kind: "sample", name: "digit-3" }, left: { kind: "numbers", json: "[[1, -2.5]]" } },
  training: true,
  edits: [{ at: "conv2d", channels: [0, 2], zero: true }],
};

test("A pinned run is in the address and comes back, also the first screen.", () => {
  for (const made of [FIRST, CHANGED]) {
    const params = new URLSearchParams({ input: "digit-9" });
    pinField.write(params, made);
    expect(pinField.read(new URLSearchParams(params.toString()))).toEqual(made);
  }
  expect(addressOf(FIRST)).toBe("");
  expect(pinField.read(new URLSearchParams("input=digit-9"))).toBeNull();
});

test("Each thing that differs is named, in their order.", () => {
  expect(changes(FIRST, { ...FIRST, inputs: {} }, "own")).toEqual([]);
  expect(changes(FIRST, CHANGED, "float16")).toEqual(["network", "input", "training", "edits", "precision"]);
  expect(changes(FIRST, FIRST, "bfloat16")).toEqual(["precision"]);
  expect(changes(CHANGED, { ...CHANGED, edits: [] }, "own")).toEqual(["edits"]);
});

test("Files are the same where they are one object, for JSON has nothing of their bytes.", () => {
  const file = (byte: string): InputSource => ({ kind: "file", name: "a.png", content: new Blob([byte]) });
  const one = file("1");
  const made = (source: InputSource) => ({ ...FIRST, inputs: { "": source } });
  expect(changes(made(one), made(one), "own")).toEqual([]);
  expect(changes(made(one), made(file("2")), "own")).toEqual(["input"]);
  expect(changes(made(one), FIRST, "own")).toEqual(["input"]);
});

test("Bars are as long as the power of ten: nothing for no difference, all of it from 1 on.", () => {
  expect([0, 1e-8, 1e-4, 1e-2, 1, 30, Number.POSITIVE_INFINITY].map(lengthOf)).toEqual([0, 0.02, 0.5, 0.75, 1, 1, 1]);
  expect(lengthOf(1e-30)).toBe(0.02);
  expect([lengthOf(null), lengthOf(Number.NaN)]).toEqual([0, 0]);
});

test("Figures that JSON has as text are numbers.", () => {
  expect([numberOf("Infinity"), numberOf(0.5), numberOf(null), numberOf(undefined)]).toEqual([
    Number.POSITIVE_INFINITY,
    0.5,
    null,
    null,
  ]);
});

test("The address of the page has what is compared, changed and diagnosed, each change a step for back.", () => {
  const before = stateOf("");
  const parts = {
    pin: CHANGED,
    policy: "bfloat16",
    edits: CHANGED.edits,
    items: "shown",
    finding: "dead_units@a/b",
  } as const;
  const after = { ...before, ...parts };
  expect(stateOf(fragmentOf(after))).toEqual(after);
  expect(isStep(before, { ...before, edits: CHANGED.edits })).toBe(true);
  expect(isStep(before, { ...before, policy: "float64" })).toBe(false);
  expect(fragmentOf(before)).toBe("");
});
