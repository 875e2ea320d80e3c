import { LayerscopeError } from "layerscope";
import { expect, test } from "vitest";
import { rowsInside, rowsOfLayers } from "../src/network/editor/layer_rows.ts";
import { fieldOf, problemsAt, problemsOf } from "../src/network/editor/problems.ts";
import { fieldsOf } from "../src/network/editor/schema.ts";
import { read, written } from "../src/network/editor/written.ts";
import type { LayerPlan } from "../src/network/network.ts";

test.each<[string, unknown]>([
  ["3", 3],
  ["3, 3", [3, 3]],
  ["(3, 3)", "(3, 3)"],
  ["[[1, 2]]", [[1, 2]]],
  ["same", "same"],
  ["", undefined],
  ["null", null],
  ['{"type": "L2"}', { type: "L2" }],
  ["28, null, 1", [28, null, 1]],
  ["3,", [3]],
])("%s is read as what it looks like.", (text, value) => {
  expect(read(text)).toEqual(value);
});

test("What is written is read again as the same value.", () => {
  for (const value of [3, [3, 3], "same", { a: 1 }, undefined, [28, null, 1], [[1], [2]]]) {
    expect(read(written(value))).toEqual(value);
  }
});

const SCHEMA = {
  properties: {
    name: { anyOf: [{ type: "string" }, { type: "null" }] },
    kernel_initializer: { $ref: "#/$defs/Initializer", default: "glorot_uniform" },
    use_bias: { type: "boolean", default: true },
    padding: { enum: ["valid", "same"], default: "valid" },
    activation: { $ref: "#/$defs/Activation" },
    strides: { anyOf: [{ type: "integer" }, { type: "array" }], default: [1, 1] },
    filters: { type: "integer" },
    type: { const: "Conv2D" },
  },
  required: ["type", "filters"],
  $defs: {
    Initializer: { anyOf: [{ enum: ["zeros", "ones"] }, { type: "object" }] },
    Activation: { oneOf: [{ $ref: "#/$defs/Fused" }, { type: "object" }] },
    Fused: { anyOf: [{ enum: ["relu", "tanh"] }, { type: "null" }] },
  },
};

test("The fields of a type: the required first, the rare last, kinds by what the schema allows.", () => {
  const fields = fieldsOf(SCHEMA);
  expect(fields.map(({ name }) => name)).toEqual([
    "filters",
    "use_bias",
    "padding",
    "activation",
    "strides",
    "name",
    "kernel_initializer",
  ]);
  const kinds = Object.fromEntries(fields.map(({ name, kind, words }) => [name, [kind, words]]));
  expect(kinds).toMatchObject({
    filters: ["text", []],
    use_bias: ["flag", []],
    padding: ["words", ["valid", "same"]],
    activation: ["words", ["relu", "tanh"]],
    strides: ["text", []],
    name: ["text", []],
  });
});

function refusal(...pointers: string[]): LayerscopeError {
  const errors = pointers.map((pointer) => ({ pointer, message: "no" }));
  return new LayerscopeError({
    type: "",
    title: "",
    status: 422,
    detail: "",
    instance: "",
    code: "invalid",
    request_id: "",
    errors,
  });
}

test("A problem belongs to the innermost layer that its pointer names, and to a field of it.", () => {
  const problems = problemsOf(refusal("/model/layers/1/layers/0/kernel_size/1", "/model/layers/1/name", "/inputs/a"));
  expect(problems.map(({ pointer }) => pointer)).toEqual(["/layers/1/layers/0/kernel_size/1", "/layers/1/name"]);
  expect(problemsAt(problems, [1]).map(({ pointer }) => pointer)).toEqual(["/name"]);
  expect(problemsAt(problems, [1, 0]).map(({ pointer }) => fieldOf(pointer))).toEqual(["kernel_size"]);
  expect(problemsAt(problemsOf(refusal("/model/layers/10")), [1])).toEqual([]);
});

test("Rows of calls, outputs and layers inside blocks belong to their layer; an InputLayer has none.", () => {
  const rows = ["encoder@0/conv", "encoder@0", "encoder@1/conv", "encoder@1", "lstm#0", "lstm#1", "dense"];
  const planned = rows.map((address) => ({ address }) as LayerPlan);
  const layers = ["InputLayer", "Block", "LSTM", "Dense"].map((type) => ({ type }));
  expect(rowsOfLayers(layers, planned).map((row) => row?.address)).toEqual([undefined, "encoder@1", "lstm#1", "dense"]);
  expect(rowsOfLayers(layers.slice(0, 2), planned)).toEqual([undefined, undefined]);
});

test("Rows inside a block have addresses within it.", () => {
  const planned = ["a/conv", "a/b/conv", "a/b", "a", "ab/conv"].map((address) => ({ address }) as LayerPlan);
  expect(rowsInside(planned, "a").map(({ address }) => address)).toEqual(["conv", "b/conv", "b"]);
  expect(rowsInside(planned, "").length).toBe(5);
});
