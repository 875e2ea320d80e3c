import { expect, test } from "vitest";
import { attributionOf } from "../src/explain/attribution.ts";
import { firstLayer, firstMap, layersFor, methodFor, methodsFor, windowFor } from "../src/explain/fit.ts";
import { knobsField, optionsOf } from "../src/explain/knobs.ts";
import { METHODS } from "../src/explain/methods.ts";
import { inputsOf, pictureOf } from "../src/explain/reading.ts";
import { layerOf, mapTarget, partsOf, valueTarget } from "../src/explain/targets.ts";
import { isNothing } from "../src/explain/warnings.tsx";

test("Options of a method are numbers, flags and words; those of other methods are left out.", () => {
  expect(optionsOf(METHODS.integrated_gradients, { steps: "20", baseline: "blur", relu: "false" })).toEqual({
    steps: 20,
    baseline: "blur",
  });
  expect(optionsOf(METHODS.grad_cam, { relu: "false" })).toEqual({ relu: false });
});

test("Options stand in the address and come back.", () => {
  const params = new URLSearchParams();
  knobsField.write(params, { window: "4", value: "-0.5" });
  expect(params.toString()).toBe("knobs=window%3A4%2Cvalue%3A-0.5");
  expect(knobsField.read(params)).toEqual({ window: "4", value: "-0.5" });
});

test("Targets are an address with NumPy's index after the batch.", () => {
  expect(partsOf("dense:pre[7]")).toEqual({ address: "dense:pre", index: "7" });
  expect(partsOf("dense")).toEqual({ address: "dense", index: null });
  expect([layerOf("block/dense@1:pre"), mapTarget("conv", [0, 5, 7, 2]), valueTarget("conv", [0, 5, 7, 2])]).toEqual([
    "block/dense@1",
    "conv[..., 2]",
    "conv[5, 7, 2]",
  ]);
});

test("Maps stay as they are, channels of a picture are summed, units are values.", () => {
  const map = attributionOf({ shape: [1, 2, 2], data: Float32Array.of(1, 2, 3, 4) }, true);
  expect(map.kind === "map" && [map.isSummed, [...map.map.data]]).toEqual([false, [1, 2, 3, 4]]);
  const picture = attributionOf({ shape: [1, 1, 2, 2], data: Float32Array.of(1, 2, 3, -4) }, false);
  expect(picture.kind === "map" && [picture.isSummed, [...picture.map.data]]).toEqual([true, [3, -1]]);
  expect(attributionOf({ shape: [1, 3], data: Float32Array.of(1, 2, 3) }, false).kind).toBe("units");
});

const TWINS = {
  model: { outputs: ["both"] },
  inputs: { left: { shape: [1, 8, 8, 1], dtype: "float32" }, right: { shape: [1, 8, 8, 1], dtype: "float32" } },
  layers: [
    { address: "twin@0", inputs: ["left"], shape: [1, 4, 4, 2], dtype: "float32" },
    { address: "twin@1", inputs: ["right"], shape: [1, 4, 4, 2], dtype: "float32" },
    { address: "both", inputs: ["twin@0", "twin@1"], shape: [1, 4, 4, 2], dtype: "float32" },
  ],
};

test("Maps at the end are explained by the first of the last output, whatever else is computed.", () => {
  expect(firstMap(TWINS)).toBe("both[..., 0]");
  expect(firstMap({ ...TWINS, model: { outputs: ["twin@0"] } })).toBe("twin@0[..., 0]");
  expect(firstMap(TOKENS)).toBe(null);
});

test("A map lies over the one picture that it is computed from, and over none where there are two.", () => {
  const over = ["left", "twin@0:pre", "twin@1", "both", "elsewhere"].map((address) => pictureOf(TWINS, address));
  expect(over).toEqual(["left", "left", "right", null, null]);
  expect(inputsOf(TWINS, "both")).toEqual(["left", "right"]);
});

const TOKENS = {
  model: { outputs: ["last"] },
  inputs: { tokens: { shape: [1, 12], dtype: "int32" } },
  layers: [
    { address: "words", inputs: ["tokens"], shape: [1, 12, 16], dtype: "float32" },
    { address: "last", inputs: ["words"], shape: [1, 24], dtype: "float32" },
    { address: "unread", inputs: ["words"], shape: [1, 24], dtype: "float32" },
  ],
};

test("A network of tokens is offered what it can be explained by, and the gradient where maps were wanted.", () => {
  expect(methodsFor(TOKENS)).toEqual(["gradient", "input_x_gradient", "integrated_gradients", "occlusion", "ablation"]);
  expect([methodFor(TOKENS, "layer_cam"), methodFor(TWINS, "layer_cam")]).toEqual(["gradient", "layer_cam"]);
  expect(firstLayer(TOKENS, METHODS.integrated_gradients, null)).toBe("words");
  expect(firstLayer(TWINS, METHODS.integrated_gradients, null)).toBe(null);
  expect(layersFor(TOKENS, METHODS.gradient, "last:pre")).toEqual(["words", "last"]);
  expect(layersFor(TOKENS, METHODS.occlusion, "last")).toEqual(["words"]);
});

test("The window is a quarter of the side and moves by an eighth.", () => {
  expect([28, 224, 12, 1].map((side) => windowFor([1, side, side, 3]))).toEqual([
    { window: "8", stride: "4" },
    { window: "56", stride: "28" },
    { window: "4", stride: "2" },
    { window: "1", stride: "1" },
  ]);
});

test("Channels of a sequence are summed step by step.", () => {
  const steps = attributionOf({ shape: [1, 2, 3], data: Float32Array.of(1, 2, 3, 4, 5, -6) }, false);
  expect(steps.kind === "steps" && [...steps.values]).toEqual([6, 3]);
  expect(attributionOf({ shape: [1, 3], data: Float32Array.of(1, 2, 3) }, true).kind).toBe("windows");
});

test("A number less itself is told, be it the largest or named.", () => {
  const minus = { address: "dense:pre", index: "[7]", values: [1] };
  const target = { address: "dense:pre", index: "[argmax]", argmax: [7], minus, scores: [0], values: [1] };
  type Target = Parameters<typeof isNothing>[0];
  expect(isNothing(target as unknown as Target)).toBe(true);
  expect(isNothing({ ...target, index: "[7]", argmax: undefined } as unknown as Target)).toBe(true);
  expect(isNothing({ ...target, argmax: [3] } as unknown as Target)).toBe(false);
  expect(isNothing({ ...target, minus: null } as unknown as Target)).toBe(false);
});
