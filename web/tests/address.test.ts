import { expect, test } from "vitest";
import { fragmentOf, isStep, type PageState, stateOf } from "../src/app/state.ts";

const FIRST = stateOf("");

test("The first screen needs nothing in the address.", () => {
  expect(fragmentOf(FIRST)).toBe("");
  expect(FIRST.model).toEqual({ kind: "preset", name: "digits" });
});

test.each<Partial<PageState>>([
  { model: { kind: "registered", name: "a.b-c_1" }, layer: "block1/conv2d", unit: 3 },
  { model: { kind: "preset", name: "unet" }, span: "map", colours: "cividis", size: "large" },
  { model: { kind: "document", document: { input: [2], layers: [{ type: "Dense", units: 2, name: "é &=#+%" }] } } },
  { model: { kind: "document", document: { layers: [] }, from: { kind: "preset", name: "digits" } } },
  { model: { kind: "document", document: { layers: [] }, from: { kind: "registered", name: "mine" } } },
  { inputs: { "": { kind: "sample", name: "digit-3" } }, pixels: "signed", resize: "nearest", training: true },
  { inputs: { left: { kind: "picture", base64: "iVBOR+/=" }, right: { kind: "numbers", json: "[[1,-2.5]]" } } },
  { panel: "explain", target: "dense:pre[7]", minus: "dense:pre[..., 1]", sign: "-1", knobs: { steps: "9" } },
  { method: "gradient", explainedBy: "conv2d", weightGradients: true },
  { open: ["a,b", "c/d"], folded: ["block"], side: "edit", measure: "macs", panel: "explain" },
])("What the address says of %j is read again.", (parts) => {
  const state = { ...FIRST, ...parts };
  expect(stateOf(`#${fragmentOf(state)}`)).toEqual(state);
});

test.each(["#size=huge", "#unit=-1", "#unit=1e3", "#document={", "#document=[1]", "#input=../x", "#colours=", "#%"])(
  "Nonsense in the address is passed over: %s.",
  (fragment) => {
    expect(stateOf(fragment)).toEqual(FIRST);
  },
);

test("What is too large stays out of the address.", () => {
  const document = { layers: [{ type: "ReLU", name: "x".repeat(20_000) }] };
  const file = { kind: "file", name: "a.png", content: new Blob(["a"]) } as const;
  const state: PageState = { ...FIRST, model: { kind: "document", document }, inputs: { "": file }, layer: "x" };
  expect(fragmentOf(state)).toBe("layer=x");
});

test("Another network is a step that back undoes, another colour is none.", () => {
  expect(isStep(FIRST, { ...FIRST, model: { kind: "registered", name: "a" } })).toBe(true);
  expect(isStep(FIRST, { ...FIRST, colours: "magma", layer: null })).toBe(false);
});
