import { expect, test } from "vitest";
import { editsField } from "../src/edits/address.ts";
import { channelOf, edited, isOff, isWholeOff, operationOf, toggled, without } from "../src/edits/edit.ts";
import { beside } from "../src/edits/reach.ts";

test("Channels are switched off into one edit of their layer, and on again until it is gone.", () => {
  const one = toggled([], "conv2d", 3);
  expect(one).toEqual([{ at: "conv2d", channels: [3], zero: true }]);
  const two = toggled(one, "conv2d", 0);
  expect(two).toEqual([{ at: "conv2d", channels: [0, 3], zero: true }]);
  expect(toggled(toggled(two, "conv2d", 3), "conv2d", 0)).toEqual([]);
});

test("A channel of one layer leaves the edits of others alone.", () => {
  const scaled = edited("dense", null, "scale", 0.5);
  expect(toggled([scaled], "conv2d", 1)).toEqual([scaled, { at: "conv2d", channels: [1], zero: true }]);
  expect(without([scaled, edited("dense", [2], "zero", 0)], 0)).toEqual([{ at: "dense", channels: [2], zero: true }]);
});

test("A layer that is off as a whole has every channel off, and a part of its positions none.", () => {
  const whole = [edited("conv2d", null, "zero", 0)];
  expect([isOff(whole, "conv2d", 7), isWholeOff(whole, "conv2d"), isOff(whole, "dense", 7)]).toEqual([
    true,
    true,
    false,
  ]);
  const part = [{ at: "conv2d", slice: ":, 0", zero: true }];
  expect([isOff(part, "conv2d", 0), isWholeOff(part, "conv2d")]).toEqual([false, false]);
  expect(isOff([edited("conv2d", [1], "scale", 0)], "conv2d", 1)).toBe(false);
});

test("An edit has one operation, wherever it stands.", () => {
  expect(operationOf({ at: "a", channels: [1], clamp: [0, 1] })).toBe("clamp");
  expect(operationOf({ at: "a", slice: ":, 0" })).toBeNull();
});

test("The channel of a unit follows the shape: maps, maps with depth, sequences, vectors, flat values.", () => {
  expect(channelOf([1, 28, 28, 3], 2)).toBe(2);
  expect(channelOf([1, 4, 28, 28, 3], 9)).toBe(2);
  expect(channelOf([1, 16, 8], 5)).toBe(5);
  expect(channelOf([1, 10], 7)).toBe(7);
  expect(channelOf([1, 1, 1, 64], 63)).toBe(63);
});

test("The address has the edits as the service takes them, whatever they are.", () => {
  const edits = [
    { at: "a/b:pre", channels: [0], zero: true },
    { at: "type:Conv2D", clamp: [-1, 1] },
  ];
  const params = new URLSearchParams();
  editsField.write(params, edits);
  expect(editsField.read(new URLSearchParams(params.toString()))).toEqual(edits);
  for (const wrong of ["", "{", "[]", "[1]", '[{"zero":true}]', '[{"at":"a","channels":["x"]}]']) {
    expect(editsField.read(new URLSearchParams({ edits: wrong }))).toEqual([]);
  }
});

test("What is edited is asked for with one value of it, once, and not where it is wanted anyway.", () => {
  const rows = [
    { address: "conv", shape: [1, 8, 8, 3] },
    { address: "dense", shape: [1, 10] },
  ];
  const edits = [edited("conv", [1], "zero", 0), edited("conv", null, "scale", 2), edited("dense", null, "add", 1)];
  expect(beside(edits, ["dense"], rows)).toEqual({ layers: ["conv"], slice: { conv: "0:1, 0:1, 0:1, 0:1" } });
  expect(beside([{ at: "conv*", zero: true }], ["dense"], rows)).toEqual({ layers: ["conv*"], slice: {} });
});
