import { expect, test } from "vitest";
import type { ActivationOptions, Document } from "../src/index.ts";

/** What is wrong here is checked by the compiler: a line that it accepts fails the type check of the tests. */
test("documents and options are checked as they are written", () => {
  const right: Document = {
    input: [4, 4, 1],
    layers: [
      { type: "Conv2D", filters: 2, kernel_size: 3 },
      { type: "Block", name: "b", layers: [{ type: "ReLU" }] },
    ],
  };
  const wrong: Document[] = [
    // @ts-expect-error: kernal_size is no argument of Conv2D
    { layers: [{ type: "Conv2D", filters: 2, kernal_size: 3 }] },
    // @ts-expect-error: there is no such layer
    { layers: [{ type: "Cov2D", filters: 2, kernel_size: 3 }] },
    // @ts-expect-error: inside a block, too
    { layers: [{ type: "Block", name: "b", layers: [{ type: "Dense", units: "4" }] }] },
    // @ts-expect-error: there is no such network
    { application: "MobileNetV9", weights: null },
  ];
  // @ts-expect-error: the option is called layers
  const option: ActivationOptions = { layer: "conv2d" };
  expect([right, ...wrong, option]).toHaveLength(6);
});
